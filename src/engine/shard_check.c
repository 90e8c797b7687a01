/* A check of all invariants, which trusts nothing that it has not checked. Tests, fuzzers and
 * audit builds run it; it may be slow, but not quadratic. */
#include "engine/shard_check.h"

#include "engine/balance.h"
#include "engine/entry.h"
#include "engine/holes.h"
#include "engine/index.h"

struct census {
	uint64_t live, space_units, weight_units, pinned, pinned_units, holes;
};

static bool is_in_log(const struct sci_shard *shard, sci_offset offset, uint32_t units)
{
	return offset >= shard->log_start && offset < shard->log.end &&
		units <= shard->log.end - offset;
}

/* The boundaries have as many keys as their ticks. */
static const char *check_recency(const struct sci_shard *shard)
{
	const struct sci_recency *recency = &shard->recency;
	uint32_t inside_keys = 0, near_keys = 0;

	if (shard->policy == SCI_POLICY_COUNTED && !recency->capacity)
		return "recency has no capacity";
	if (recency->inside_ticks >= SCI_TICKS || recency->near_ticks >= SCI_TICKS)
		return "recency reaches beyond its ticks";
	for (uint32_t age = 0; age < recency->inside_ticks || age < recency->near_ticks; age++) {
		uint32_t keys = recency->keys[(shard->tick - age) & (SCI_TICKS - 1)];
		inside_keys += age < recency->inside_ticks ? keys : 0;
		near_keys += age < recency->near_ticks ? keys : 0;
	}
	return inside_keys == recency->inside_keys && near_keys == recency->near_keys
		? NULL
		: "recency's keys do not sum up to its ticks'";
}

const char *sci_shard_check_head(const struct sci_shard *shard)
{
	const struct sci_log *log = &shard->log;

	if (shard->magic != SCI_SHARD_MAGIC)
		return "not a shard";
	if (shard->policy > SCI_POLICY_LRU)
		return "there is no such policy";
	if (shard->buckets < 2 || shard->buckets % 2 || shard->buckets > SCI_BUCKETS_MAX)
		return "the index has an odd number of lines";
	if ((shard->policy == SCI_POLICY_COUNTED) != (shard->ghost_lines > 0))
		return "the policy has the wrong number of ghosts";
	if (shard->ghost_lines_used > shard->ghost_lines ||
		(shard->ghost_lines_used == 0) != (shard->ghost_lines == 0))
		return "more ghosts are in use than exist";
	if ((SCI_INDEX_START + shard->buckets * sizeof(struct sci_bucket) +
		    shard->ghost_lines * sizeof(struct sci_ghosts)) /
			SCI_UNIT !=
		shard->log_start)
		return "the log does not begin where index and ghosts end";
	if (shard->log_start > log->head || log->head > log->gap_end || log->gap_end > log->end ||
		log->end > shard->log_limit)
		return "the log's offsets are not in order";
	if (shard->log_bound > shard->log_limit || shard->log_bound < shard->log_start)
		return "the bound on the log is outside of it";
	if (shard->peek_units != sci_peek_units_of(shard))
		return "readers do not reach the end of the log";
	if (shard->capacity_units > shard->log_bound - shard->log_start)
		return "the entries may take more than the log";
	if (shard->max_entries > sci_index_capacity(shard->buckets) || !shard->max_entries)
		return "the bound on entries exceeds the index's capacity";
	if (shard->entries > shard->max_entries)
		return "more entries than the bound";
	if (shard->expiry.at >= shard->buckets * SCI_BUCKET_SLOTS)
		return "the search for expired entries is outside of the index";
	if (shard->balance.window_share > SCI_BALANCE_SHARE_MOST)
		return "the window's share is too large";
	if (shard->balance.drift < -SCI_BALANCE_ENTRY || shard->balance.drift > SCI_BALANCE_ENTRY)
		return "the window moves by more than an entry at a time";
	if (shard->balance.return_age > SCI_TICKS * SCI_BALANCE_TICK)
		return "keys return after more ticks than are told apart";
	if (shard->recount.at >= shard->buckets || shard->recount.lines > SCI_RECOUNT_LINES_MAX)
		return "the recount is outside of the index";
	if (!shard->balance.leave_patience || !shard->balance.enter_patience)
		return "a switch of LRU mode needs no evidence";
	if (shard->balance.leave_patience > SCI_BALANCE_PATIENCE_MAX ||
		shard->balance.enter_patience > SCI_BALANCE_PATIENCE_MAX ||
		shard->balance.enter_at < 0 || shard->balance.enter_at > SCI_BALANCE_ENTER_AT_MAX)
		return "a switch of LRU mode needs more evidence than there can be";
	return check_recency(shard);
}

static const char *check_header(const struct sci_record *record, uint64_t header)
{
	if (sci_header_bytes(header) < sci_value_offset(sci_header_key_len(header)))
		return "a record is shorter than its key";
	if (sci_record_annex_bytes(record, header) > sci_header_value_len(header))
		return "an annex is longer than its record";
	if (sci_header_state(header) == SCI_RECORD_OBJECT &&
		(sci_record_value_len(record, header) != sizeof(void *) || sci_header_pins(header)))
		return "an object's record is pinned or has another length";
	if (sci_header_state(header) == SCI_RECORD_DETACHED && !sci_header_pins(header))
		return "a detached record is not pinned";
	return NULL;
}

/* A live record and its slot lead to each other. */
static const char *check_entry(const struct sci_shard *shard, sci_offset offset,
	struct census *census)
{
	const struct sci_record *record = sci_record_at(shard, offset);

	census->live++;
	census->weight_units += sci_record_worth(record).weight_units;
	if (sci_record_slot(record) >= shard->buckets * SCI_BUCKET_SLOTS ||
		sci_slot_offset(*sci_slot_of(shard, offset)) != offset)
		return "a live record is not in the index";
	if (sci_header_has_deadline(record->header) &&
		(int64_t)*sci_record_expires(record, record->header) < shard->expiry.due_ms)
		return "a record expires before the earliest deadline";
	return NULL;
}

static const char *check_record(const struct sci_shard *shard, sci_offset offset,
	struct census *census)
{
	const struct sci_record *record = sci_record_at(shard, offset);
	uint64_t header = record->header;

	if (sci_header_state(header) == SCI_RECORD_DEAD) {
		census->holes += sci_header_units(header) >= SCI_HOLE_UNITS_MIN;
		return header == sci_header(SCI_RECORD_DEAD, sci_header_units(header) * SCI_UNIT, 0)
			? NULL
			: "a dead record has the header of a live one";
	}
	const char *wrong = check_header(record, header);
	if (wrong)
		return wrong;
	census->space_units += sci_header_units(header);
	if (sci_header_pins(header)) {
		census->pinned++;
		census->pinned_units += sci_header_units(header);
	}
	return sci_header_in_index(header) ? check_entry(shard, offset, census) : NULL;
}

static const char *check_span(const struct sci_shard *shard, sci_offset from, sci_offset to,
	struct census *census)
{
	while (from < to) {
		uint64_t units = sci_header_units(sci_record_at(shard, from)->header);
		if (units == 0 || units > to - from)
			return "a record does not end where the next begins";
		const char *wrong = check_record(shard, from, census);
		if (wrong)
			return wrong;
		from += (sci_offset)units;
	}
	return NULL;
}

/* Each live record has its own slot, and there are as many used slots: so each slot leads to a
 * record. */
static const char *check_index(const struct sci_shard *shard)
{
	uint64_t used = 0;

	for (uint32_t i = 0; i < shard->buckets * SCI_BUCKET_SLOTS; i++)
		used += sci_slots(shard)[i] != 0;
	return used == shard->entries ? NULL : "the index has not one used slot for each entry";
}

/* An entry's record reaches at least to its value. */
#define ENTRY_UNITS_MIN ((SCI_RECORD_KEY_AT + SCI_UNIT - 1) / SCI_UNIT)

/* Whether a record is at this offset to which its slot leads. */
static bool is_entry(const struct sci_shard *shard, sci_offset offset)
{
	const struct sci_record *record = sci_record_at(shard, offset);

	return is_in_log(shard, offset, ENTRY_UNITS_MIN) &&
		sci_record_slot(record) < shard->buckets * SCI_BUCKET_SLOTS &&
		sci_slot_offset(*sci_slot_of(shard, offset)) == offset;
}

/* From the newest on, segments follow each other, and the oldest entry of each is known. */
static const char *check_segments(const struct sci_shard *shard)
{
	const struct sci_segments *segments = &shard->segments;
	sci_offset offset = shard->queue[SCI_WINDOW].newest;

	if (segments->newest >= SCI_SEGMENTS)
		return "the segments of the window are not in order";
	for (unsigned n = 0; n < SCI_SEGMENTS; n++) {
		unsigned segment = (segments->newest + n) % SCI_SEGMENTS;
		sci_offset last = 0;
		for (uint32_t i = 0; i < segments->entries[segment]; i++) {
			if (!offset || sci_record_segment(sci_record_at(shard, offset)) != segment)
				return "the segments of the window are not in order";
			last = offset;
			offset = sci_record_at(shard, offset)->older;
		}
		if (segments->oldest[segment] != last)
			return "the segments of the window are not in order";
	}
	return offset ? "the segments of the window are not in order" : NULL;
}

static const char *check_queue(const struct sci_shard *shard, enum sci_queue_name name)
{
	const struct sci_queue *queue = &shard->queue[name];
	sci_offset newer = 0, offset = queue->newest;
	uint64_t load = 0;

	for (uint64_t i = 0; i < queue->entries; i++) {
		if (!is_entry(shard, offset))
			return "a queue leads to no entry";
		const struct sci_record *record = sci_record_at(shard, offset);
		if (record->newer != newer || sci_slot_queue(*sci_slot_of(shard, offset)) != name)
			return "a queue's links are wrong";
		load += sci_record_load(record);
		newer = offset;
		offset = record->older;
	}
	if (offset != 0 || queue->oldest != newer)
		return "a queue's count of entries is wrong";
	return load == queue->load ? NULL : "a queue's load is wrong";
}

static const char *check_holes(const struct sci_shard *shard, const struct census *census)
{
	sci_offset latest = shard->holes.latest;
	uint64_t holes = latest != 0;

	if (latest &&
		(!is_in_log(shard, latest, SCI_HOLE_UNITS_MIN) ||
			sci_record_state(sci_record_at(shard, latest)) != SCI_RECORD_DEAD))
		return "the latest hole is none";
	for (unsigned class = 0; class < SCI_HOLE_CLASSES; class ++) {
		bool listed = shard->holes.classes[class / 64] >> class % 64 & 1;
		if (listed != (shard->holes.first[class] != 0))
			return "a class of holes is marked wrongly";
		sci_offset newer = 0, offset = shard->holes.first[class];
		for (; offset && holes <= census->holes; holes++) {
			if (!is_in_log(shard, offset, SCI_HOLE_UNITS_MIN))
				return "a list of holes leaves the log";
			const struct sci_record *hole = sci_record_at(shard, offset);
			if (sci_record_state(hole) != SCI_RECORD_DEAD || hole->newer != newer)
				return "a list of holes has wrong links";
			newer = offset;
			offset = hole->older;
		}
	}
	return holes == census->holes ? NULL : "a hole is in no list";
}

static const char *check_counts(const struct sci_shard *shard, const struct census *census)
{
	if (census->live != shard->entries ||
		shard->queue[SCI_WINDOW].entries + shard->queue[SCI_MAIN].entries != shard->entries)
		return "the count of entries is wrong";
	if (census->space_units != shard->space_units ||
		census->weight_units != shard->weight_units)
		return "the count of live bytes is wrong";
	if (census->pinned != shard->pins.records || census->pinned_units != shard->pins.units)
		return "the count of pins is wrong";
	return NULL;
}

const char *sci_shard_check(const struct sci_shard *shard)
{
	struct census census = { 0 };
	const char *wrong = sci_shard_check_head(shard);

	if (!wrong)
		wrong = check_span(shard, shard->log_start, shard->log.head, &census);
	if (!wrong)
		wrong = check_span(shard, shard->log.gap_end, shard->log.end, &census);
	if (!wrong)
		wrong = check_counts(shard, &census);
	if (!wrong)
		wrong = check_index(shard);
	if (!wrong)
		wrong = check_holes(shard, &census);
	for (unsigned i = 0; i < SCI_QUEUES && !wrong; i++)
		wrong = check_queue(shard, (enum sci_queue_name)i);
	return wrong ? wrong : check_segments(shard);
}
