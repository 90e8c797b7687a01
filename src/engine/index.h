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

/* A slot is tag:13 | touched:1 | tick:7 | uses:8 | queue:1 | mark:2 | place:32, and 0 when it is empty. What
 * the policy knows of an entry is here, so that a hit has it at hand and eviction touches no record for it. A
 * hit writes nothing but `touched`; all else is written under the lock. */
#define SCI_SLOT_USE_BITS_SHIFT 32
#define SCI_SLOT_QUEUE_SHIFT    34
#define SCI_SLOT_USES_SHIFT     35
#define SCI_SLOT_TICK_SHIFT     43
#define SCI_SLOT_TOUCHED        (UINT64_C(1) << 50)
#define SCI_SLOT_TAG_SHIFT      51

static inline sci_offset sci_slot_offset(uint64_t slot)
{
	return (sci_offset)slot;
}

static inline uint64_t sci_slot_tag(uint64_t hash)
{
	return hash >> SCI_SLOT_TAG_SHIFT << SCI_SLOT_TAG_SHIFT;
}

static inline bool sci_slot_has_tag(uint64_t slot, uint64_t hash)
{
	return (slot ^ hash) >> SCI_SLOT_TAG_SHIFT == 0;
}

static inline unsigned sci_slot_use_bits(uint64_t slot)
{
	return (unsigned)(slot >> SCI_SLOT_USE_BITS_SHIFT) & 3u;
}

static inline enum sci_queue_name sci_slot_queue(uint64_t slot)
{
	return (enum sci_queue_name)(slot >> SCI_SLOT_QUEUE_SHIFT & 1);
}

static inline uint8_t sci_slot_uses(uint64_t slot)
{
	return (uint8_t)(slot >> SCI_SLOT_USES_SHIFT);
}

/* When the entry was last touched, as far as that was recounted. */
static inline uint32_t sci_slot_tick(uint64_t slot)
{
	return (uint32_t)(slot >> SCI_SLOT_TICK_SHIFT) & (SCI_TICKS - 1);
}

static inline uint64_t sci_slot_with(uint64_t slot, unsigned shift, uint64_t mask, uint64_t value)
{
	return (slot & ~(mask << shift)) | (value & mask) << shift;
}

static inline uint64_t sci_slot_with_use_bits(uint64_t slot, unsigned use_bits)
{
	return sci_slot_with(slot, SCI_SLOT_USE_BITS_SHIFT, 3, use_bits);
}

static inline uint64_t sci_slot_with_queue(uint64_t slot, enum sci_queue_name queue)
{
	return sci_slot_with(slot, SCI_SLOT_QUEUE_SHIFT, 1, queue);
}

static inline uint64_t sci_slot_with_uses(uint64_t slot, uint8_t uses)
{
	return sci_slot_with(slot, SCI_SLOT_USES_SHIFT, UINT8_MAX, uses);
}

/* Touched at this tick, and so not since. */
static inline uint64_t sci_slot_with_tick(uint64_t slot, uint32_t tick)
{
	return sci_slot_with(slot, SCI_SLOT_TICK_SHIFT, SCI_TICKS - 1, tick) & ~SCI_SLOT_TOUCHED;
}

static inline uint64_t sci_slot_with_offset(uint64_t slot, sci_offset offset)
{
	return (slot & ~(uint64_t)UINT32_MAX) | offset;
}

/* The slots of the index, from the first line's first on. */
static inline sci_slot *sci_slots(const struct sci_shard *shard)
{
	return sci_buckets(shard)->slot;
}

/* The slot of a record that is in the index. */
static inline sci_slot *sci_index_slot(const struct sci_shard *shard, sci_offset offset)
{
	return sci_slots(shard) + sci_record_slot(sci_record_at(shard, offset));
}

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
