/* Recency: whether a cache that keeps what was used last, of the same size, would still have a key.
 *
 * Time is counted in ticks, of a sixteenth of the cache's entries in touches each. For each tick it is known
 * how many keys were last touched in it, so the ticks that such a cache reaches back to are those whose keys,
 * from the present one on, are not more than it holds. That works for entries and for ghosts alike: each
 * has the tick of its last touch, modulo 128.
 */
#ifndef SCI_ENGINE_RECENCY_H
#define SCI_ENGINE_RECENCY_H

#include "engine/layout.h"

/* What was not touched for longer is as old as this, so that no tick comes round again unseen. */
#define SCI_AGE_MAX 96u

enum sci_reach {
	SCI_FAR,  /* it would be gone */
	SCI_TAIL, /* it would be in the oldest quarter */
	SCI_NEAR
};

/* Begin for a cache of so many entries; or go on with another size. */
void sci_recency_fit(struct sci_shard *shard, uint32_t capacity);

static inline unsigned sci_recency_age(const struct sci_shard *shard, uint32_t tick)
{
	return (shard->tick - tick) & (SCI_TICKS - 1);
}

enum sci_reach sci_recency_reach(const struct sci_shard *shard, uint32_t tick);

/* A key that was last touched in that tick is touched. Returns where it was until then; from now on its tick
 * is the present one. */
enum sci_reach sci_recency_touch(struct sci_shard *shard, uint32_t tick);

/* A key that was not known is touched. */
void sci_recency_touch_new(struct sci_shard *shard);

/* A key is removed that was last touched in that tick. */
void sci_recency_forget(struct sci_shard *shard, uint32_t tick);

/* What was not touched for long: it is made as old as can be told. Returns its tick. */
uint32_t sci_recency_cap(struct sci_shard *shard, uint32_t tick);

/* In which eighth of such a cache it would be, from 0 on; SCI_EIGHTHS: in none. */
unsigned sci_recency_eighth(const struct sci_shard *shard, uint32_t tick);

#endif
