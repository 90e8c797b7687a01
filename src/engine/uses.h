/* Counting how often and when entries were used. */
#ifndef SCI_ENGINE_USES_H
#define SCI_ENGINE_USES_H

#include "engine/foreign_entry.h"
#include "engine/recency.h"
#include "engine/use_count.h"

/* All counts halve after so many uses per entry. */
#define SCI_AGEING 20u

/* The use count plus one. */
static inline uint8_t sci_uses_one_more(const struct sci_shard *shard, uint8_t uses)
{
	unsigned count = sci_uses_now(shard, uses);

	return sci_uses_of(shard, count < SCI_USES_MAX ? count + 1 : count);
}

/* The same for an entry: all counts halve after enough of these. */
static inline uint8_t sci_uses_count(struct sci_shard *shard, uint8_t uses)
{
	uint8_t more = sci_uses_one_more(shard, uses);

	if (++shard->uses.counted >= (uint64_t)shard->recency.capacity * SCI_AGEING) {
		shard->uses.counted = 0;
		shard->uses.epoch++;
	}
	return more;
}

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
