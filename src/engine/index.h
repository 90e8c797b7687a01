/* The index: from a key to the place of its record. */
#ifndef SCI_ENGINE_INDEX_H
#define SCI_ENGINE_INDEX_H

#include "engine/layout.h"

/* How many lines an index for `entries` needs. */
uint32_t sci_index_buckets(uint64_t entries);

/* How many entries an index of `buckets` lines bears. */
uint64_t sci_index_capacity(uint32_t buckets);

/* The slot of the live record with this key, or NULL. Touches at most two lines and the record. */
sci_slot *sci_index_find(const struct sci_shard *shard, const struct sci_name *name);

/* The two lines that a hash may be in. */
struct sci_lines {
	uint32_t home, second;
};

struct sci_lines sci_index_lines(const struct sci_shard *shard, uint32_t hash);

/* Enter a place under a hash. When there is no free slot for it, returns the place of the record that
 * has to be removed first; 0 when it is entered. */
sci_place sci_index_enter(struct sci_shard *shard, uint64_t hash, sci_place place);

/* The record's slot, to be emptied or to be given another place. There always is one for a live record. */
sci_slot *sci_index_slot(const struct sci_shard *shard, sci_place place);

/* A slot is tag:24 | unused:6 | mark:2 | place:32, and 0 when it is empty. */
#define SCI_SLOT_TAG_SHIFT 40

static inline sci_place sci_slot_place(uint64_t slot)
{
	return (sci_place)slot;
}

static inline uint64_t sci_slot_tag(uint64_t hash)
{
	return hash >> SCI_SLOT_TAG_SHIFT << SCI_SLOT_TAG_SHIFT;
}

static inline unsigned sci_slot_mark(uint64_t slot)
{
	return (unsigned)(slot >> 32) & 3u;
}

static inline uint64_t sci_slot_marked(uint64_t slot, unsigned mark)
{
	return (slot & ~(UINT64_C(3) << 32)) | (uint64_t)mark << 32;
}

static inline uint64_t sci_slot_moved(uint64_t slot, sci_place place)
{
	return (slot & ~(uint64_t)UINT32_MAX) | place;
}

#endif
