/* Readers set one bit; here it is counted as a use, with a tick. */
#include "engine/uses.h"

#include "engine/balance.h"
#include "engine/foreign_entry.h"
#include "engine/recency.h"
#include "engine/segments.h"
#include "engine/use_count.h"

/* Add a use to the entry of this slot, and set its use bits. */
void sci_uses_add(struct sci_shard *shard, sci_slot *slot, unsigned use_bits)
{
	uint64_t seen = *slot;

	seen = sci_slot_with_uses(seen, sci_uses_count(shard, sci_slot_uses(seen)));
	sci_write(slot, sci_slot_with_use_bits(seen, use_bits));
}

/* Uses in the younger half of the window are expected, and do not count. */
static bool use_counts_here(const struct sci_shard *shard, uint64_t slot)
{
	if (sci_slot_queue(slot) == SCI_MAIN || shard->balance.lru_mode)
		return true;
	return sci_segments_is_older_half(shard,
		sci_record_segment(sci_record_at(shard, sci_slot_offset(slot))));
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

/* A sweep for old ticks starts so many ticks after the last one started. A sweep takes about
 * seventeen ticks, one for the misses and sixteen if each entry is touched. So no age reaches
 * SCI_TICKS. */
#define SWEEP_TICKS 12u

static __attribute__((noinline)) void recount_line(struct sci_shard *shard, struct sci_bucket *line)
{
	for (unsigned at = 0; at < SCI_BUCKET_SLOTS; at++)
		if (line->slot[at])
			sci_uses_recount(shard, &line->slot[at]);
}

static __attribute__((noinline)) void recount_touched(struct sci_shard *shard,
	struct sci_bucket *line)
{
	for (unsigned at = 0; at < SCI_BUCKET_SLOTS; at++)
		if (line->slot[at] & SCI_SLOT_TOUCHED)
			sci_uses_recount_news(shard, &line->slot[at]);
}

static inline bool has_touched(const struct sci_bucket *line)
{
	uint64_t any = 0;

#pragma GCC unroll 8
	for (unsigned at = 0; at < SCI_BUCKET_SLOTS; at++)
		any |= line->slot[at];
	return any & SCI_SLOT_TOUCHED;
}

/* Begin a sweep for old ticks when it is time. Returns whether one is under way. */
static bool sweeps(struct sci_shard *shard, uint32_t lines)
{
	struct sci_recount *recount = &shard->recount;

	if (recount->sweep_lines == 0 && shard->tick - recount->sweep_tick >= SWEEP_TICKS) {
		recount->sweep_lines = shard->buckets;
		recount->sweep_tick = shard->tick;
	}
	bool is_sweep = recount->sweep_lines > 0;
	recount->sweep_lines -= recount->sweep_lines < lines ? recount->sweep_lines : lines;
	return is_sweep;
}

/* The same in a sweep, or for a foreign shard: news of it are in the marks. */
static __attribute__((noinline)) void recount_slowly(struct sci_shard *shard, uint32_t from,
	uint32_t to, bool is_sweep)
{
	for (; from < to; from++)
		if (is_sweep || sci_foreign_line_has_news(shard, from))
			recount_line(shard, sci_buckets(shard) + from);
}

static inline void recount_lines(struct sci_shard *shard, uint32_t from, uint32_t to)
{
	struct sci_bucket *line = sci_buckets(shard) + from;

	for (; from < to; from++, line++)
		if (has_touched(line))
			recount_touched(shard, line);
}

/* Recount the reference bits of the next lines. Old ticks are checked only during a sweep, because
 * that takes longer. */
void sci_uses_recount_some(struct sci_shard *shard)
{
	uint32_t lines = shard->recount.lines, at = shard->recount.at;
	bool is_sweep = sweeps(shard, lines), is_slow = is_sweep || shard->foreign.marks;

	while (lines > 0) {
		uint32_t end = lines < shard->buckets - at ? at + lines : shard->buckets;
		if (is_slow)
			recount_slowly(shard, at, end, is_sweep);
		else
			recount_lines(shard, at, end);
		lines -= end - at;
		at = end < shard->buckets ? end : 0;
	}
	shard->recount.at = at;
}
