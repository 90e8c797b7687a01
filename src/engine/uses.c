/* How often and when entries were used: readers note one bit, which is counted here. */
#include "engine/uses.h"

#include "engine/balance.h"
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
void sci_uses_add(struct sci_shard *shard, sci_slot *slot, unsigned use_bits)
{
	uint64_t seen = *slot;

	seen = sci_slot_with_uses(seen, sci_uses_one_more(shard, sci_slot_uses(seen)));
	sci_write(slot, sci_slot_with_use_bits(seen, use_bits));
	if (++shard->uses >= (uint64_t)shard->recency.capacity * AGEING) {
		shard->uses = 0;
		shard->epoch++;
	}
}

/* In which half of the window a use counts: in the younger it is expected. */
static bool use_counts_here(const struct sci_shard *shard, uint64_t slot)
{
	if (sci_slot_queue(slot) == SCI_MAIN || shard->keeps_recent)
		return true;
	return sci_record_eighth(sci_record_at(shard, sci_slot_offset(slot))) >= SCI_EIGHTHS / 2;
}

void sci_uses_recount_news(struct sci_shard *shard, sci_slot *slot)
{
	uint64_t seen = *slot;
	uint32_t tick = sci_slot_tick(seen);

	if (!(seen & SCI_SLOT_TOUCHED)) {
		sci_write(slot, sci_slot_with_tick(seen, sci_recency_cap(shard, tick)));
		return;
	}
	if (sci_recency_age(shard, tick) == 0) {
		sci_write(slot, seen & ~SCI_SLOT_TOUCHED);
		return;
	}
	unsigned use_bits = sci_slot_use_bits(seen);
	if (use_bits < SCI_USE_BITS_MAX && use_counts_here(shard, seen))
		seen = sci_slot_with_use_bits(seen, use_bits + 1);
	sci_balance_weigh_touch(shard, seen, sci_recency_touch(shard, tick));
	sci_write(slot, sci_slot_with_tick(seen, shard->tick));
}

/* A new sweep for old ticks begins so many ticks after the last one began. During a sweep there are about
 * seventeen: one for the misses, and sixteen if each entry is touched. So no age comes to SCI_TICKS. */
#define SWEEP_TICKS 12u

static void recount_line(struct sci_shard *shard, struct sci_bucket *line)
{
	for (unsigned at = 0; at < SCI_BUCKET_SLOTS; at++)
		if (line->slot[at])
			sci_uses_recount(shard, &line->slot[at]);
}

static uint64_t any_of_line(const struct sci_bucket *line)
{
	uint64_t any = 0;

#pragma GCC unroll 8
	for (unsigned at = 0; at < SCI_BUCKET_SLOTS; at++)
		any |= line->slot[at];
	return any;
}

/* The next lines of the index are searched for touches; for old ticks only now and then, because that takes
 * longer. */
void sci_uses_recount_some(struct sci_shard *shard)
{
	if (shard->sweep_lines == 0 && shard->tick - shard->sweep_tick >= SWEEP_TICKS) {
		shard->sweep_lines = shard->buckets;
		shard->sweep_tick = shard->tick;
	}
	for (uint32_t i = 0; i < shard->recount_lines; i++) {
		struct sci_bucket *line = sci_buckets(shard) + shard->recount_at;
		bool any = shard->marks ? sci_foreign_line_has_news(shard, shard->recount_at)
					: (any_of_line(line) & SCI_SLOT_TOUCHED) != 0;
		if (any || shard->sweep_lines > 0)
			recount_line(shard, line);
		shard->sweep_lines -= shard->sweep_lines > 0;
		shard->recount_at =
			shard->recount_at + 1 < shard->buckets ? shard->recount_at + 1 : 0;
	}
}
