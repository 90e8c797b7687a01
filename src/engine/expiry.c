/* An entry past its deadline is never found: every lookup compares. So what is left to do is to give its
 * space back, and that has time: a cursor walks over the slots of the index, a few at each put, more in
 * maintenance. It rests while nothing can be due. For that it knows the earliest deadline of all: the
 * earliest that it saw in its last lap, or that was stored or moved about since the lap began. */
#include "engine/shard.h"

#include "engine/deadline.h"
#include "engine/entry.h"
#include "engine/policy.h"

bool sci_shard_is_due(const struct sci_shard *shard, int64_t now_ms)
{
	return now_ms >= shard->expiry.due_ms && shard->expiry.due_ms != SCI_NEVER;
}

/* Remove the entry in this slot if it is due; otherwise remember when it will be. */
static bool look_at(struct sci_shard *shard, uint64_t slot, int64_t now_ms)
{
	if (!slot)
		return false;
	const struct sci_record *record = sci_record_at(shard, sci_slot_offset(slot));
	if (!sci_record_is_expired(record, now_ms)) {
		sci_deadline_moved(shard, record);
		return false;
	}
	sci_policy_removed(shard, sci_slot_offset(slot));
	sci_entry_detach(shard, sci_slot_offset(slot));
	shard->totals.reclaimed++;
	return true;
}

uint64_t sci_shard_expire(struct sci_shard *shard, int64_t now_ms, uint32_t slots)
{
	uint64_t removed = 0;

	for (; slots > 0 && sci_shard_is_due(shard, now_ms); slots--) {
		removed += look_at(shard, sci_slots(shard)[shard->expiry.at], now_ms);
		if (++shard->expiry.at < shard->buckets * SCI_BUCKET_SLOTS)
			continue;
		shard->expiry.at = 0;
		shard->expiry.due_ms = shard->expiry.lap_due_ms;
		shard->expiry.lap_due_ms = SCI_NEVER;
	}
	return removed;
}
