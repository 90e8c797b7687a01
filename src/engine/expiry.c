/* Lookups compare deadlines, so an expired entry is never found. What remains is to reclaim its
 * space: a cursor walks the slots of the index, a few at each put and more in maintenance. It
 * rests until the earliest deadline, which is the earliest that its last lap saw, or that was
 * stored or moved since the lap began. */
#include "engine/shard.h"

#include "engine/deadline.h"
#include "engine/entry.h"
#include "engine/policy.h"

bool sci_shard_is_due(const struct sci_shard *shard, int64_t now_ms)
{
	return now_ms >= shard->expiry.due_ms && shard->expiry.due_ms != SCI_NEVER;
}

/* Remove the entry of this slot if it has expired, else note its deadline. */
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
