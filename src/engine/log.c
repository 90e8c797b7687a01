/* One cursor sweeps the log. What is dead in front of it joins the gap; what is alive is slid down to
 * the near side of the gap, which so moves on, and grows, until a record fits. A pinned record cannot
 * be slid: the gap is sealed with a dead record, and a new one begins behind it. At the end the cursor
 * begins again at the start.
 *
 * The log does not use all its memory from the beginning: it ends at `end`, and at the end of a lap
 * rather takes more of what it has (up to `limit`) than to sweep a log that is mostly alive. A small
 * cache in a large region so stays in few pages, which stay in the processor's caches.
 *
 * Invariant: from start to head, and from gap_end to end, record follows record without a hole. */
#include "engine/log.h"

#include "engine/entry.h"

/* The least that the log grows by: a page. */
#define GROWTH_UNITS (4096u / SCI_UNIT)

/* The space before the cursor that was not used becomes a dead record, and the gap is empty. */
static void seal_gap(struct sci_shard *shard)
{
	struct sci_log *log = &shard->log;
	struct sci_record *record = sci_record_at(shard, log->head);

	if (log->head < log->gap_end) {
		record->units = log->gap_end - log->head;
		record->shape = sci_record_shape(SCI_RECORD_DEAD, 0, 0);
	}
	log->head = log->gap_end;
}

/* A log that is alive to three quarters costs three moved bytes for each new one; grow before that. */
static bool wants_growth(const struct sci_shard *shard, uint32_t units)
{
	const struct sci_log *log = &shard->log;

	return log->end < log->limit &&
		shard->live_units + units > (uint64_t)(log->end - log->start) / 4 * 3;
}

/* Go on behind the end, with more of the memory. */
static void grow(struct sci_shard *shard, uint32_t units)
{
	struct sci_log *log = &shard->log;
	uint32_t step = (log->end - log->start) / 4;

	if (log->gap_end < log->end) {
		/* The rest of this lap is left for the next. */
		seal_gap(shard);
		log->head = log->end;
	}
	if (step < units)
		step = units;
	if (step < GROWTH_UNITS)
		step = GROWTH_UNITS;
	log->end = step < log->limit - log->end ? log->end + step : log->limit;
	log->gap_end = log->end;
}

/* Take the record behind the gap into it, slide it over the gap, or step over it; returns its units. */
static uint32_t sweep_one(struct sci_shard *shard, int64_t now_ms)
{
	struct sci_log *log = &shard->log;
	struct sci_record *record = sci_record_at(shard, log->gap_end);
	uint32_t units = record->units;

	if (sci_record_state(record) == SCI_RECORD_LIVE && !record->pins &&
		sci_entry_expired(record, now_ms))
		sci_entry_detach(shard, log->gap_end);
	if (sci_record_state(record) == SCI_RECORD_DEAD) {
		log->gap_end += units;
		return units;
	}
	if (record->pins)
		seal_gap(shard);
	else if (log->head < log->gap_end)
		sci_entry_move(shard, log->gap_end, log->head);
	log->head += units;
	log->gap_end += units;
	return units;
}

sci_place sci_log_reserve(struct sci_shard *shard, uint32_t units, uint64_t work_units,
	int64_t now_ms)
{
	struct sci_log *log = &shard->log;
	uint64_t work = 0;
	bool from_start = false;

	while (log->gap_end - log->head < units) {
		bool at_end = log->gap_end == log->end;
		if (at_end && !wants_growth(shard, units)) {
			if (from_start && log->end == log->limit)
				return 0;
			if (!from_start) {
				/* From the start to the end everything slides together: once is enough. */
				seal_gap(shard);
				log->head = log->gap_end = log->start;
				from_start = true;
				continue;
			}
		}
		if (at_end || (work > work_units && log->end < log->limit)) {
			grow(shard, units);
			continue;
		}
		if (work > work_units)
			return 0;
		work += sweep_one(shard, now_ms);
	}
	sci_place place = log->head;
	log->head += units;
	return place;
}

void sci_log_reset(struct sci_shard *shard)
{
	struct sci_log *log = &shard->log;

	log->head = log->gap_end = log->end = log->start;
}
