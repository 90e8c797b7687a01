/* The proof that a shard is sound: a walk over the whole of it that trusts nothing it has not checked.
 * It runs in tests, in fuzzers and in builds that audit; it may be slow, but not quadratic. */
#include "engine/entry.h"
#include "engine/holes.h"
#include "engine/index.h"

struct census {
	uint64_t live, live_units, pinned, pinned_units, holes;
};

static const char *check_head(const struct sci_shard *shard)
{
	const struct sci_log *log = &shard->log;

	if (shard->magic != SCI_SHARD_MAGIC)
		return "not a shard";
	if ((SCI_INDEX_START + shard->buckets * sizeof(struct sci_bucket) +
		    shard->ghost_lines * sizeof(struct sci_ghosts)) /
			SCI_UNIT !=
		log->start)
		return "the log does not begin where index and ghosts end";
	if (log->start > log->head || log->head > log->gap_end || log->gap_end > log->end ||
		log->end > log->limit)
		return "the log's cursor is out of order";
	if (shard->entries > shard->max_entries)
		return "more entries than the bound";
	return NULL;
}

static const char *check_record(const struct sci_shard *shard, sci_place place,
	struct census *census)
{
	struct sci_record *record = sci_record_at(shard, place);

	if (sci_record_state(record) == SCI_RECORD_DEAD) {
		census->holes += record->units >= SCI_HOLE_UNITS_MIN;
		return NULL;
	}
	if (sci_record_state(record) > SCI_RECORD_DETACHED)
		return "a record has no known state";
	if ((uint64_t)record->units * SCI_UNIT < SCI_RECORD_HEADER +
			(uint64_t)sci_record_key_len(record) + sci_record_padding(record))
		return "a record is shorter than what it holds";
	if (sci_record_state(record) == SCI_RECORD_DETACHED && !record->pins)
		return "a detached record is not pinned";
	census->live_units += record->units;
	if (record->pins) {
		census->pinned++;
		census->pinned_units += record->units;
	}
	if (sci_record_state(record) == SCI_RECORD_DETACHED)
		return NULL;
	census->live++;
	const sci_slot *slot = sci_index_slot(shard, place);
	if (!slot)
		return "a live record is not in the index";
	return NULL;
}

static const char *check_span(const struct sci_shard *shard, sci_place from, sci_place to,
	struct census *census)
{
	while (from < to) {
		uint32_t units = sci_record_at(shard, from)->units;
		if (units == 0 || units > to - from)
			return "a record does not end where the next begins";
		const char *wrong = check_record(shard, from, census);
		if (wrong)
			return wrong;
		from += units;
	}
	return NULL;
}

static const char *check_index(const struct sci_shard *shard)
{
	uint64_t used = 0;

	for (uint32_t line = 0; line < shard->buckets; line++) {
		for (unsigned i = 0; i < SCI_BUCKET_SLOTS; i++) {
			uint64_t slot = sci_buckets(shard)[line].slot[i];
			if (!slot)
				continue;
			used++;
			if (sci_slot_place(slot) < shard->log.start ||
				sci_slot_place(slot) >= shard->log.end)
				return "a slot points outside the log";
			if (sci_record_state(sci_record_at(shard, sci_slot_place(slot))) !=
				SCI_RECORD_LIVE)
				return "a slot points to a record that is not live";
		}
	}
	return used == shard->entries
		? NULL
		: "the index has not as many slots in use as there are entries";
}

static const char *check_queue(const struct sci_shard *shard, enum sci_queue_name name)
{
	const struct sci_queue *queue = &shard->queue[name];
	sci_place newer = 0, place = queue->newest;
	uint64_t units = 0;

	for (uint64_t i = 0; i < queue->entries; i++) {
		if (place < shard->log.start || place >= shard->log.end)
			return "a queue leaves the log";
		const struct sci_record *record = sci_record_at(shard, place);
		if (sci_record_state(record) != SCI_RECORD_LIVE || record->newer != newer ||
			record->queue != name)
			return "a queue is broken";
		units += record->units;
		newer = place;
		place = record->older;
	}
	if (place != 0 || queue->oldest != newer)
		return "a queue's count of entries is wrong";
	return units == queue->units ? NULL : "a queue's count of units is wrong";
}

static const char *check_holes(const struct sci_shard *shard, const struct census *census)
{
	uint64_t holes = 0;

	for (unsigned class = 0; class < SCI_HOLE_CLASSES; class ++) {
		bool listed = shard->hole_classes[class / 64] >> class % 64 & 1;
		if (listed != (shard->holes[class] != 0))
			return "the classes of holes are marked wrongly";
		sci_place newer = 0, place = shard->holes[class];
		for (; place && holes <= census->holes; holes++) {
			if (place < shard->log.start || place >= shard->log.end)
				return "a list of holes leaves the log";
			const struct sci_record *hole = sci_record_at(shard, place);
			if (sci_record_state(hole) != SCI_RECORD_DEAD || hole->newer != newer)
				return "a list of holes is broken";
			newer = place;
			place = hole->older;
		}
	}
	return holes == census->holes ? NULL : "the lists of holes do not hold all holes";
}

const char *sci_shard_check(const struct sci_shard *shard)
{
	struct census census = { 0 };
	const char *wrong = check_head(shard);

	if (!wrong)
		wrong = check_span(shard, shard->log.start, shard->log.head, &census);
	if (!wrong)
		wrong = check_span(shard, shard->log.gap_end, shard->log.end, &census);
	if (!wrong)
		wrong = check_index(shard);
	if (!wrong)
		wrong = check_holes(shard, &census);
	for (unsigned i = 0; i < SCI_QUEUES && !wrong; i++)
		wrong = check_queue(shard, (enum sci_queue_name)i);
	if (wrong)
		return wrong;
	if (census.live != shard->entries ||
		shard->queue[SCI_WINDOW].entries + shard->queue[SCI_MAIN].entries != shard->entries)
		return "the count of entries is wrong";
	if (census.live_units != shard->live_units)
		return "the count of live bytes is wrong";
	if (census.pinned != shard->pinned || census.pinned_units != shard->pinned_units)
		return "the count of pins is wrong";
	return NULL;
}
