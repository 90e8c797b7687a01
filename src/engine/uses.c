/* How often and when entries were used: readers note one bit, which is counted here. */
#include "engine/uses.h"

#include "engine/balance.h"
#include "engine/capacity.h"
#include "engine/foreign.h"
#include "engine/policy.h"
#include "engine/recency.h"
#include "engine/use_count.h"

#define AGEING 20u /* uses for each entry before all counts halve */

uint8_t sci_uses_one_more(const struct sci_shard *shard, uint8_t uses)
{
	unsigned count = sci_uses_now(shard, uses);

	return sci_uses_of(shard, count < SCI_USES_MAX ? count + 1 : count);
}

/* One use more of the entry in this slot, whose mark becomes what is given. */
void sci_uses_add(struct sci_shard *shard, sci_slot *slot, unsigned mark)
{
	uint64_t seen = *slot;

	seen = sci_slot_with_uses(seen, sci_uses_one_more(shard, sci_slot_uses(seen)));
	sci_write(slot, sci_slot_with_mark(seen, mark));
	if (sci_capacity_is_times(shard, ++shard->uses, AGEING)) {
		shard->uses = 0;
		shard->epoch++;
	}
}

/* In which half of the window a use counts: in the younger it is expected. */
static bool marks_count(const struct sci_shard *shard, uint64_t slot)
{
	if (sci_slot_queue(slot) == SCI_MAIN || shard->keeps_recent)
		return true;
	return sci_record_eighth(sci_record_at(shard, sci_slot_place(slot))) >= SCI_EIGHTHS / 2;
}

/* Whether there is anything to recount: it was touched, or has become as old as can be told. */
static inline bool has_news(const struct sci_shard *shard, uint64_t slot)
{
	uint32_t touched_and_tick = (uint32_t)(slot >> SCI_SLOT_TICK_SHIFT) & (2 * SCI_TICKS - 1);

	return (touched_and_tick >= SCI_TICKS) |
		(sci_recency_age(shard, touched_and_tick) > SCI_AGE_MAX);
}

/* What readers have noted of an entry is counted now. */
void sci_uses_recount(struct sci_shard *shard, sci_slot *slot)
{
	if (shard->marks)
		sci_foreign_note(shard, slot);
	uint64_t seen = *slot;
	uint32_t tick = sci_slot_tick(seen);

	if (!has_news(shard, seen))
		return;
	if (!(seen & SCI_SLOT_TOUCHED)) {
		sci_write(slot, sci_slot_with_tick(seen, sci_recency_cap(shard, tick)));
		return;
	}
	if (sci_recency_age(shard, tick) == 0) {
		sci_write(slot, seen & ~SCI_SLOT_TOUCHED);
		return;
	}
	unsigned mark = sci_slot_mark(seen);
	if (mark < SCI_MARK_MAX && marks_count(shard, seen))
		seen = sci_slot_with_mark(seen, mark + 1);
	sci_balance_weigh_touch(shard, seen, sci_recency_touch(shard, tick));
	sci_write(slot, sci_slot_with_tick(seen, shard->tick));
}

static inline bool line_has_news(const struct sci_shard *shard, const struct sci_bucket *line)
{
	bool any = false;

#pragma GCC unroll 8
	for (unsigned at = 0; at < SCI_BUCKET_SLOTS; at++)
		any |= has_news(shard, line->slot[at]);
	return any;
}

/* Some lines of the index, wherever the last recount ended: so ticks are not far behind. Mostly there is no
 * news in a line, which is all that this is quick at. */
void sci_uses_recount_some(struct sci_shard *shard)
{
	for (uint32_t i = 0; i < shard->recount_lines; i++) {
		struct sci_bucket *line = sci_buckets(shard) + shard->recount_at;
		bool any = shard->marks ? sci_foreign_line_has_news(shard, shard->recount_at)
					: line_has_news(shard, line);
		for (unsigned at = 0; at < SCI_BUCKET_SLOTS && any; at++)
			if (line->slot[at])
				sci_uses_recount(shard, &line->slot[at]);
		shard->recount_at =
			shard->recount_at + 1 < shard->buckets ? shard->recount_at + 1 : 0;
	}
}
