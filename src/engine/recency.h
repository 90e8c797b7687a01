/* Recency: whether an LRU cache of the same size would still hold a key.
 *
 * Time is counted in ticks; a tick is a sixteenth of the cache's entries in touches. For each tick
 * the number of keys last touched in it is known. An LRU cache holds the keys of the latest ticks,
 * as many as fit. This works for entries and ghosts alike: each stores the tick in which its last
 * touch was counted (uses.c), modulo SCI_TICKS. */
#ifndef SCI_ENGINE_RECENCY_H
#define SCI_ENGINE_RECENCY_H

#include "engine/layout.h"

/* Ages are capped to this, so that a tick is not taken for one a circle later. */
#define SCI_AGE_MAX 96u

enum sci_reach {
	SCI_FAR,  /* it would be evicted */
	SCI_TAIL, /* it would be in the oldest quarter */
	SCI_NEAR  /* it would be in the younger three quarters */
};

/* Start for a cache of so many entries, or change the number. */
void sci_recency_fit(struct sci_shard *shard, uint32_t capacity);

static inline unsigned sci_recency_age(const struct sci_shard *shard, uint32_t tick)
{
	return (shard->tick - tick) & (SCI_TICKS - 1);
}

enum sci_reach sci_recency_reach(const struct sci_shard *shard, uint32_t tick);

/* Touch a key that was last touched in this tick. Returns where it was; its tick is the current
 * one from now on. */
enum sci_reach sci_recency_touch(struct sci_shard *shard, uint32_t tick);

/* Touch an unknown key. */
void sci_recency_touch_new(struct sci_shard *shard);

/* Remove a key that was last touched in this tick. */
void sci_recency_forget(struct sci_shard *shard, uint32_t tick);

/* Cap the age of a key. Returns its new tick. */
uint32_t sci_recency_cap(struct sci_shard *shard, uint32_t tick);

/* How many keys were touched after this one; at least recency.capacity if it is far. */
uint64_t sci_recency_rank(const struct sci_shard *shard, uint32_t tick);

#endif
