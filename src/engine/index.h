/* The index: from a hash to the offsets of records that may have the key. */
#ifndef SCI_ENGINE_INDEX_H
#define SCI_ENGINE_INDEX_H

#include "engine/layout.h"

/* The number of lines of an index for `entries`. */
uint32_t sci_index_buckets(uint64_t entries);

/* The capacity of an index of `buckets` lines, in entries. */
uint64_t sci_index_capacity(uint32_t buckets);

/* The slot of the entry with this key, or NULL. Reads at most two lines and the record. */
sci_slot *sci_index_find(const struct sci_shard *shard, const struct sci_name *name);

/* Insert a record. Returns 0, or, if no slot is free, the offset of the record that must be
 * removed first. */
sci_offset sci_index_enter(struct sci_shard *shard, uint64_t hash, sci_offset offset);

/* Map 32 bits to 0..count-1 by a multiplication instead of a division (Lemire, 2019). */
static inline uint32_t sci_index_scale(uint32_t bits, uint32_t count)
{
	return (uint32_t)((uint64_t)bits * count >> 32);
}

/* The slot of a line where a hash is put and looked for first (i = 0), second, ... last (i = 7). */
static inline unsigned sci_index_favourite(uint64_t hash, unsigned i)
{
	return ((unsigned)hash ^ i) % SCI_BUCKET_SLOTS;
}

/* The slot of a line that has the tag of a hash; any slot if none has: the one that differs least,
 * because tags are the highest bits. Without branches, which could not be predicted. */
static inline uint64_t sci_index_select(const struct sci_bucket *line, uint64_t hash)
{
	uint64_t least = sci_read(&line->slot[0]) ^ hash;

#pragma GCC unroll 8
	for (unsigned i = 1; i < SCI_BUCKET_SLOTS; i++) {
		uint64_t differing = sci_read(&line->slot[i]) ^ hash;
		least = differing < least ? differing : least;
	}
	return least ^ hash;
}

/* The first line of a hash. */
static inline uint32_t sci_index_home(const struct sci_shard *shard, uint64_t hash)
{
	return sci_index_scale((uint32_t)hash, shard->buckets);
}

/* The other line of a tag, from one of its two lines. */
static inline uint32_t sci_index_other(const struct sci_shard *shard, uint64_t tagged,
	uint32_t line)
{
	uint32_t tag = (uint32_t)(tagged >> SCI_SLOT_TAG_SHIFT);
	uint32_t sum = sci_index_scale(tag * 0x9E3779B1u, shard->buckets) | 1;

	return sum >= line ? sum - line : sum + (shard->buckets - line);
}

/* The hash by which ghosts remember a key: from a line of it and its tag. It is the same for both
 * lines. */
static inline uint32_t sci_index_ghost_hash(const struct sci_shard *shard, uint64_t tagged,
	uint32_t line)
{
	uint32_t other = sci_index_other(shard, tagged, line);

	return (line < other ? line : other) * 0x9E3779B1u ^
		(uint32_t)(tagged >> SCI_SLOT_TAG_SHIFT) * 0x85EBCA6Bu;
}

#endif
