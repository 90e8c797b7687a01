/* An entry past its deadline is never found: every lookup compares. So what is left to do is to give its
 * space back, and that has time: a cursor walks over the slots of the index, a few at each put, more in
 * maintenance. It rests while nothing can be due. For that it knows the earliest deadline of all: the
 * earliest that it saw in its last lap, or that was stored or moved about since the lap began. */
#include "engine/expiry.h"

#include "engine/entry.h"
#include "engine/index.h"
#include "engine/policy.h"

static void expect(struct sci_shard *shard, int64_t expires_ms)
{
	if (expires_ms < shard->due_ms)
		shard->due_ms = expires_ms;
	if (expires_ms < shard->lap_due_ms)
		shard->lap_due_ms = expires_ms;
}

static int64_t sooner(int64_t now_ms, int64_t idle_ms, int64_t final_ms)
{
	int64_t idle_until_ms;

	if (__builtin_add_overflow(now_ms, idle_ms, &idle_until_ms))
		return final_ms;
	return idle_until_ms < final_ms ? idle_until_ms : final_ms;
}

void sci_expiry_write(struct sci_shard *shard, sci_word *words, const struct sci_content *content,
	int64_t now_ms)
{
	int64_t expires_ms = content->expires_ms;

	if (content->idle_ms) {
		expires_ms = sooner(now_ms, content->idle_ms, expires_ms);
		sci_write(&words[1], (uint64_t)content->idle_ms);
		sci_write(&words[2], (uint64_t)content->expires_ms);
	}
	sci_write(&words[0], (uint64_t)expires_ms);
	expect(shard, expires_ms);
}

/* Threads tell different times: one that is in an invocation is behind. A use that comes late puts nothing
 * off, and brings nothing forward. */
int64_t sci_expiry_after_use(const sci_word *expires, int64_t now_ms)
{
	/* Never sooner: who looked up before anything could expire does not know what time it is. */
	int64_t expires_ms = (int64_t)sci_read(expires);
	int64_t after_ms =
		sooner(now_ms, (int64_t)sci_read(&expires[1]), (int64_t)sci_read(&expires[2]));

	return after_ms > expires_ms ? after_ms : expires_ms;
}

void sci_expiry_used(const struct sci_record *record, int64_t now_ms)
{
	uint64_t header = record->header;

	if (!(header & SCI_HEADER_IDLE))
		return;
	sci_word *expires = sci_record_expires(record, header);
	sci_write(expires, (uint64_t)sci_expiry_after_use(expires, now_ms));
}

void sci_expiry_moved(struct sci_shard *shard, const struct sci_record *record)
{
	uint64_t header = record->header;

	if (header & SCI_HEADER_TIMED)
		expect(shard, (int64_t)*sci_record_expires(record, header));
}

bool sci_shard_is_due(const struct sci_shard *shard, int64_t now_ms)
{
	return now_ms >= shard->due_ms && shard->due_ms != SCI_NEVER;
}

/* Remove the entry in this slot if it is due; otherwise remember when it will be. */
static bool look_at(struct sci_shard *shard, uint64_t slot, int64_t now_ms)
{
	if (!slot)
		return false;
	const struct sci_record *record = sci_record_at(shard, sci_slot_offset(slot));
	if (!sci_record_is_expired(record, now_ms)) {
		sci_expiry_moved(shard, record);
		return false;
	}
	sci_policy_removed(shard, sci_slot_offset(slot));
	sci_entry_detach(shard, sci_slot_offset(slot));
	shard->reclaimed++;
	return true;
}

uint64_t sci_shard_expire(struct sci_shard *shard, int64_t now_ms, uint32_t slots)
{
	uint64_t removed = 0;

	for (; slots > 0 && sci_shard_is_due(shard, now_ms); slots--) {
		removed += look_at(shard, sci_slots(shard)[shard->expiry_at], now_ms);
		if (++shard->expiry_at < shard->buckets * SCI_BUCKET_SLOTS)
			continue;
		shard->expiry_at = 0;
		shard->due_ms = shard->lap_due_ms;
		shard->lap_due_ms = SCI_NEVER;
	}
	return removed;
}
