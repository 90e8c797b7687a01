/* A slot of the index: one word, with the offset of a record, the tag of its key, and what the
 * policy knows of it. */
#ifndef SCI_ENGINE_SLOT_H
#define SCI_ENGINE_SLOT_H

#include "engine/types.h"

enum sci_queue_name { SCI_WINDOW, SCI_MAIN, SCI_QUEUES };

/* Ticks of recency are stored modulo this; see recency.h. */
#define SCI_TICKS 128u

#define SCI_USE_BITS_MAX 3u

typedef _Atomic uint64_t sci_slot;

/* A slot is tag:13 | touched:1 | tick:7 | uses:8 | queue:1 | use bits:2 | offset:32; 0: empty. It
 * has what the policy knows of an entry, so that a hit needs no other memory and eviction reads no
 * record for it. A hit writes only `touched`, the reference bit; all else is written under the
 * lock. */
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

/* The last touch that was counted. */
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

/* Touched in this tick, and not since. */
static inline uint64_t sci_slot_with_tick(uint64_t slot, uint32_t tick)
{
	return sci_slot_with(slot, SCI_SLOT_TICK_SHIFT, SCI_TICKS - 1, tick) & ~SCI_SLOT_TOUCHED;
}

static inline uint64_t sci_slot_with_offset(uint64_t slot, sci_offset offset)
{
	return (slot & ~(uint64_t)UINT32_MAX) | offset;
}

#endif
