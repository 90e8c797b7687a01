/* One cursor sweeps the log. A dead record before it joins the gap; a live one slides to the near
 * end of the gap, so that the gap moves on and grows until a new record fits. A pinned record
 * cannot slide: the gap is sealed with a dead record, and a new gap begins behind it. At its end
 * the cursor restarts at the beginning.
 *
 * The log grows into its memory: at the end of a lap it extends `end` (up to log_limit) rather than
 * sweep a log that is mostly live. So a small cache in a large region uses few pages, which stay in
 * the processor's caches.
 *
 * If a new record would need too much moving, entries in its way are evicted.
 *
 * Invariant: from log_start to head, and from gap_end to end, records follow each other without
 * holes. */
#include "engine/log.h"

#include "engine/entry.h"
#include "engine/holes.h"
#include "engine/policy.h"

#include <string.h>

/* The log grows by a page at least. */
#define GROWTH_UNITS (4096u / SCI_UNIT)

/* Turn the rest of the gap into a hole; the gap is empty then. */
static void seal_gap(struct sci_shard *shard)
{
	struct sci_log *log = &shard->log;

	if (log->head < log->gap_end)
		sci_holes_insert(shard, log->head, log->gap_end - log->head);
	log->head = log->gap_end;
}

/* A log that is three quarters live moves three bytes for each new one, so it grows before. */
static bool wants_growth(const struct sci_shard *shard, uint32_t units)
{
	const struct sci_log *log = &shard->log;

	return log->end < shard->log_limit &&
		shard->space_units + units > (uint64_t)(log->end - shard->log_start) / 4 * 3;
}

/* Extend the log. */
static void grow(struct sci_shard *shard, uint32_t units)
{
	struct sci_log *log = &shard->log;
	uint32_t step = (log->end - shard->log_start) / 4;

	if (step < units)
		step = units;
	if (step < GROWTH_UNITS)
		step = GROWTH_UNITS;
	log->end = step < shard->log_limit - log->end ? log->end + step : shard->log_limit;
	log->gap_end = log->end;
}

/* Move the gap over the record behind it. Returns how many units were moved. */
static uint32_t sweep_one(struct sci_shard *shard, int64_t now_ms)
{
	struct sci_log *log = &shard->log;
	struct sci_record *record = sci_record_at(shard, log->gap_end);

	assert(shard->log_start <= log->head && log->head <= log->gap_end &&
		log->gap_end < log->end && log->end <= shard->log_limit);
	if (sci_header_in_index(record->header) && !sci_record_is_pinned(record) &&
		sci_record_is_expired(record, now_ms)) {
		sci_policy_removed(shard, log->gap_end);
		sci_entry_detach(shard, log->gap_end);
		shard->totals.reclaimed++;
	}
	uint32_t units = sci_record_units(record);
	if (sci_record_state(record) == SCI_RECORD_DEAD) {
		sci_holes_remove(shard, log->gap_end);
		log->gap_end += units;
		return 0;
	}
	bool moves = !sci_record_is_pinned(record) && log->head < log->gap_end;
	if (moves)
		sci_entry_move(shard, log->gap_end, log->head);
	else
		seal_gap(shard);
	log->head += units;
	log->gap_end += units;
	return moves ? units : 0;
}

/* Evict the record behind the gap if possible, so that the gap grows without a move. */
static void clear_one(struct sci_shard *shard, int64_t now_ms)
{
	sci_offset offset = shard->log.gap_end;
	const struct sci_record *record = sci_record_at(shard, offset);

	if (sci_header_in_index(record->header) && !sci_record_is_pinned(record))
		sci_policy_evict_entry(shard, offset);
	sweep_one(shard, now_ms);
}

/* Bounds the moves for one record: so many times its own size and so many bytes. This bounds the
 * latency of a put. */
#define MOVED_TIMES 16u
#define MOVED_UNITS (256u * 1024 / SCI_UNIT)

/* In exact LRU order no other entry may be evicted instead. */
static uint64_t may_be_moved(const struct sci_shard *shard, uint32_t units)
{
	return shard->policy == SCI_POLICY_LRU ? UINT64_MAX
					       : (uint64_t)units * MOVED_TIMES + MOVED_UNITS;
}

sci_offset sci_log_reserve(struct sci_shard *shard, uint32_t units, int64_t now_ms)
{
	uint64_t most = may_be_moved(shard, units), moved = 0;
	struct sci_log *log = &shard->log;
	bool from_start = false;

	assert(units > 0);
	while (log->gap_end - log->head < units) {
		if (log->gap_end < log->end && moved < most) {
			moved += sweep_one(shard, now_ms);
		} else if (log->gap_end < log->end) {
			clear_one(shard, now_ms);
		} else if (wants_growth(shard, units) ||
			(from_start && log->end < shard->log_limit)) {
			grow(shard, units);
		} else if (!from_start) {
			/* A sweep from start to end joins all free space: one is enough. */
			seal_gap(shard);
			log->head = log->gap_end = shard->log_start;
			from_start = true;
		} else {
			return 0;
		}
	}
	sci_offset offset = log->head;
	log->head += units;
	assert(offset >= shard->log_start && log->head <= log->gap_end);
	return offset;
}

void sci_log_compact(struct sci_shard *shard, int64_t now_ms)
{
	struct sci_log *log = &shard->log;

	seal_gap(shard);
	log->head = log->gap_end = shard->log_start;
	while (log->gap_end < log->end)
		sweep_one(shard, now_ms);
	log->gap_end = log->end = log->head;
}

void sci_log_reset(struct sci_shard *shard)
{
	struct sci_log *log = &shard->log;

	log->head = log->gap_end = log->end = shard->log_start;
	memset(&shard->holes, 0, sizeof shard->holes);
}
