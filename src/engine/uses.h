/* How often and when entries were used: readers note one bit, which is counted under the lock. */
#ifndef SCI_ENGINE_USES_H
#define SCI_ENGINE_USES_H

#include "engine/foreign.h"
#include "engine/index.h"
#include "engine/recency.h"

/* A use count that is one more. */
uint8_t sci_uses_one_more(const struct sci_shard *shard, uint8_t uses);

/* One use more of the entry in this slot, whose mark becomes what is given. */
void sci_uses_add(struct sci_shard *shard, sci_slot *slot, unsigned use_bits);

/* For sci_uses_recount(), of an entry that was touched or has become as old as can be told. */
void sci_uses_recount_news(struct sci_shard *shard, sci_slot *slot);

/* Counts what readers have noted of an entry; to be called before its mark or its tick is looked at. */
static inline void sci_uses_recount(struct sci_shard *shard, sci_slot *slot)
{
	if (shard->marks)
		sci_foreign_note(shard, slot);
	uint32_t touched_and_tick = (uint32_t)(*slot >> SCI_SLOT_TICK_SHIFT) & (2 * SCI_TICKS - 1);

	if ((touched_and_tick >= SCI_TICKS) |
		(sci_recency_age(shard, touched_and_tick) > SCI_AGE_MAX))
		sci_uses_recount_news(shard, slot);
}

/* The same for some lines of the index, at each miss: no tick falls far behind. */
void sci_uses_recount_some(struct sci_shard *shard);

#endif
