/* Tags: names that entries share, to be invalidated together.
 *
 * A tag maps to one of 1,024 slots, each with the number of its last invalidation. An entry notes
 * the number of the cache at the time when its load began, and the slots of its tags; it is dead as
 * soon as one of these slots has a higher number. Two tags in one slot end each other's entries,
 * which loses too much and never too little. */
#ifndef SCI_CACHE_TAGS_H
#define SCI_CACHE_TAGS_H

#include "cache/terms.h"
#include "engine/shard.h"

#include <scopecache/cache.h>

#include <stdatomic.h>

#define SCI_TAG_SLOTS 1024u

struct sci_tags {
	_Atomic uint64_t number; /* of the last invalidation */
	_Atomic uint64_t slots[SCI_TAG_SLOTS];
};

/* The number of the last invalidation. */
static inline uint64_t sci_tags_number(const struct sci_tags *tags)
{
	return tags ? atomic_load(&tags->number) : 0;
}

/* Add a tag to those of an entry. Returns 0, SC_E_INVAL or SC_E_TOO_LARGE. */
int sci_entry_tags_add(struct sci_entry_tags *own, const struct sc_cache *cache, const char *tag);

/* Whether one of these tags was invalidated since their number. */
bool sci_entry_tags_are_dead(const struct sci_tags *tags, const struct sci_entry_tags *own);

/* In a cache with tags an annex begins with those of its entry, be there none: write them, and
 * return the number of words. */
unsigned sci_entry_tags_write(uint64_t *words, const struct sci_entry_tags *own);

/* How many words of an annex are tags; `tags` may be NULL. */
unsigned sci_tags_words(const struct sci_tags *tags, const struct sci_found *found);

/* Whether what was found is dead; `tags` may be NULL. */
bool sci_tags_end(const struct sci_tags *tags, const struct sci_found *found);

#endif
