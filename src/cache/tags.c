/* The words of an entry's tags are: number:56 | count:8, and then four slots to a word. */
#include "cache/tags.h"

#include "base/hash.h"
#include "cache/handle.h"
#include "cache/notes.h"

#include <string.h>

#define COUNT_BITS    8
#define SLOTS_IN_WORD 4u
#define SLOT_BITS     16
#define HEAD          0xA6 /* no head of a key's part */

static unsigned slot_of(const struct sc_cache *cache, const char *tag, size_t len)
{
	return (unsigned)(sci_hash_bytes(cache->secret.start, tag, len, sci_hash_head(HEAD, len, 0),
				  &cache->secret) %
		SCI_TAG_SLOTS);
}

int sci_entry_tags_add(struct sci_entry_tags *own, const struct sc_cache *cache, const char *tag)
{
	if (!cache->tags || !tag || !*tag)
		return SC_E_INVAL;
	if (own->count == SC_TAGS_MAX)
		return SC_E_TOO_LARGE;
	own->slots[own->count++] = (uint16_t)slot_of(cache, tag, strlen(tag));
	return 0;
}

static bool is_newer(const struct sci_tags *tags, unsigned slot, uint64_t number)
{
	return atomic_load(&tags->slots[slot % SCI_TAG_SLOTS]) > number;
}

bool sci_entry_tags_are_dead(const struct sci_tags *tags, const struct sci_entry_tags *own)
{
	for (unsigned i = 0; i < own->count; i++)
		if (is_newer(tags, own->slots[i], own->number))
			return true;
	return false;
}

static unsigned words_of(unsigned count)
{
	return 1 + (count + SLOTS_IN_WORD - 1) / SLOTS_IN_WORD;
}

unsigned sci_entry_tags_write(uint64_t *words, const struct sci_entry_tags *own)
{
	unsigned count = words_of(own->count);

	memset(words, 0, count * sizeof *words);
	words[0] = own->number << COUNT_BITS | own->count;
	for (unsigned i = 0; i < own->count; i++)
		words[1 + i / SLOTS_IN_WORD] |= (uint64_t)own->slots[i]
			<< i % SLOTS_IN_WORD * SLOT_BITS;
	return count;
}

/* Failures have no tags. */
static unsigned count_of(const struct sci_found *found)
{
	return (unsigned)(found->annex[0] & ((1u << COUNT_BITS) - 1));
}

static bool has_tags(const struct sci_found *found)
{
	return found->has_notes && sci_notes_kind(&found->notes) != SCI_NOTES_FAILURE &&
		found->annex_words > 0 && words_of(count_of(found)) <= found->annex_words;
}

unsigned sci_tags_words(const struct sci_tags *tags, const struct sci_found *found)
{
	return tags && has_tags(found) ? words_of(count_of(found)) : 0;
}

bool sci_tags_end(const struct sci_tags *tags, const struct sci_found *found)
{
	if (!tags || !has_tags(found))
		return false;
	uint64_t number = found->annex[0] >> COUNT_BITS;
	for (unsigned i = 0; i < count_of(found); i++) {
		uint64_t word = found->annex[1 + i / SLOTS_IN_WORD];
		if (is_newer(tags, word >> i % SLOTS_IN_WORD * SLOT_BITS & UINT16_MAX, number))
			return true;
	}
	return false;
}

/* An invalidation that ends later has the higher number. */
int sc_cache_invalidate_tag(struct sc_cache *cache, const char *tag)
{
	if (!cache->tags || !tag || !*tag)
		return SC_E_INVAL;
	_Atomic uint64_t *slot = &cache->tags->slots[slot_of(cache, tag, strlen(tag))];
	uint64_t number = atomic_fetch_add(&cache->tags->number, 1) + 1;
	uint64_t present = atomic_load(slot);
	while (present < number && !atomic_compare_exchange_weak(slot, &present, number))
		;
	return 0;
}
