/* Taking over the bytes of a shard that somebody else left: another process, or this one before it was
 * reset. They may be anything. What cannot be proved is refused; what only the other process knew is put
 * in order: pins and detached records were those of its holders, holes are found again, and a change that
 * was under way is over. Objects are pointers of another process: a shard with objects is refused. */
#include "engine/entry.h"
#include "engine/holes.h"
#include "engine/shard_check.h"

#include <string.h>

/* Let go of what the former holders held in a span of the log, and find its holes. False when it is none. */
static bool put_in_order(struct sci_shard *shard, sci_offset from, sci_offset to)
{
	while (from < to) {
		struct sci_record *record = sci_record_at(shard, from);
		uint64_t header = record->header, units = sci_header_units(header);
		if (units == 0 || units > to - from ||
			sci_header_state(header) == SCI_RECORD_OBJECT)
			return false;
		sci_write(&record->header, header & (SCI_PIN - 1));
		if (sci_header_state(header) == SCI_RECORD_DETACHED)
			shard->space_units -= units;
		if (!sci_header_in_index(header))
			sci_holes_insert(shard, from, (uint32_t)units);
		from += (sci_offset)units;
	}
	return true;
}

struct sci_shard *sci_shard_attach(void *memory, uint64_t bytes)
{
	struct sci_shard *shard = memory;

	if (bytes < SCI_SHARD_BYTES_MIN || bytes > SCI_SHARD_BYTES_MAX ||
		sci_shard_check_head(shard) || shard->log_limit > bytes / SCI_UNIT)
		return NULL;
	memset(shard->hole_classes, 0, sizeof shard->hole_classes);
	memset(shard->holes, 0, sizeof shard->holes);
	if (!put_in_order(shard, shard->log_start, shard->log.head) ||
		!put_in_order(shard, shard->log.gap_end, shard->log.end))
		return NULL;
	shard->sequence &= ~1u;
	shard->to_free = NULL;
	shard->marks = NULL;
	shard->seen_marks = NULL;
	shard->pinned = 0;
	shard->pinned_units = 0;
	/* The search for what is due begins anew, and knows nothing. */
	shard->expiry_at = 0;
	shard->due_ms = INT64_MIN;
	shard->lap_due_ms = SCI_NEVER;
	return sci_shard_check(shard) ? NULL : shard;
}
