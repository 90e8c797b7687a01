/* The index: from a hash to the places of records that may have the key. */
#ifndef SCI_ENGINE_INDEX_H
#define SCI_ENGINE_INDEX_H

#include "engine/layout.h"

/* How many lines an index has that bears `entries`. */
uint32_t sci_index_buckets(uint64_t entries);

/* How many entries an index of `buckets` lines bears. */
uint64_t sci_index_capacity(uint32_t buckets);

/* The slot of the live record with this key, or NULL. Touches at most two lines and the record. */
sci_slot *sci_index_find(const struct sci_shard *shard, const struct sci_name *name);

/* Enter a record under a hash. When there is no free slot for it, returns the place of the record that
 * has to be removed first; 0 when it is entered. */
sci_offset sci_index_enter(struct sci_shard *shard, uint64_t hash, sci_offset offset);

/* What a ghost remembers of a key: the same for an entry in the index and for the hash of its key. */
uint32_t sci_index_ghost_hash(const struct sci_shard *shard, uint64_t hash);
uint32_t sci_index_ghost_hash_of(const struct sci_shard *shard, sci_offset offset);

/* Map 32 bits onto 0..count-1 evenly, by a multiplication in place of a division. */
static inline uint32_t sci_index_scale(uint32_t bits, uint32_t count)
{
	return (uint32_t)((uint64_t)bits * count >> 32);
}

/* Which slot of a line a hash is put in, and looked for, first (i = 0), second, ... and last (i = 7). */
static inline unsigned sci_index_favourite(uint64_t hash, unsigned i)
{
	return ((unsigned)hash ^ i) % SCI_BUCKET_SLOTS;
}

/* The slot of a line that has the tag of a hash; any of them when none has it.
 * Which one it is cannot be foreseen, so nothing branches on it. */
static inline uint64_t sci_index_select(const struct sci_bucket *line, uint64_t hash)
{
	uint64_t selected = sci_read(&line->slot[0]);

#pragma GCC unroll 8
	for (unsigned i = 1; i < SCI_BUCKET_SLOTS; i++) {
		uint64_t slot = sci_read(&line->slot[i]);
		selected = sci_slot_has_tag(slot, hash) ? slot : selected;
	}
	return selected;
}

/* The line that a hash belongs in first. */
static inline uint32_t sci_index_home(const struct sci_shard *shard, uint64_t hash)
{
	return sci_index_scale((uint32_t)hash, shard->buckets);
}

/* The other of the two lines that a tag may be in, seen from one of them; its own inverse. */
static inline uint32_t sci_index_other(const struct sci_shard *shard, uint64_t tagged,
	uint32_t line)
{
	uint32_t tag = (uint32_t)(tagged >> SCI_SLOT_TAG_SHIFT);
	uint32_t sum = sci_index_scale(tag * 0x9E3779B1u, shard->buckets) | 1;

	return sum >= line ? sum - line : sum + (shard->buckets - line);
}

#endif
