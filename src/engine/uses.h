/* Counting how often and when entries were used. */
#ifndef SCI_ENGINE_USES_H
#define SCI_ENGINE_USES_H

#include "engine/foreign_entry.h"
#include "engine/recency.h"

/* The use count plus one. */
uint8_t sci_uses_one_more(const struct sci_shard *shard, uint8_t uses);

/* The same for an entry: all counts halve after enough of these. */
uint8_t sci_uses_count(struct sci_shard *shard, uint8_t uses);

/* Add a use to the entry of this slot, and set its use bits. */
void sci_uses_add(struct sci_shard *shard, sci_slot *slot, unsigned use_bits);

/* The rest of sci_uses_recount(), for an entry that was touched or has an old tick. */
void sci_uses_recount_news(struct sci_shard *shard, sci_slot *slot);

/* Count what readers have noted of an entry; call it before reading its use bits or its tick. */
static inline void sci_uses_recount(struct sci_shard *shard, sci_slot *slot)
{
	if (shard->foreign.marks)
		sci_foreign_note(shard, slot);
	uint32_t touched_and_tick = (uint32_t)(*slot >> SCI_SLOT_TICK_SHIFT) & (2 * SCI_TICKS - 1);

	if ((touched_and_tick >= SCI_TICKS) |
		(sci_recency_age(shard, touched_and_tick) > SCI_AGE_MAX))
		sci_uses_recount_news(shard, slot);
}

/* The same for some lines of the index; call it at each miss, so that no tick is far behind. */
void sci_uses_recount_some(struct sci_shard *shard);

#endif
