/* Take over a shard that another process left, or this one before a restart. Its bytes may be
 * anything: what cannot be verified is refused. Pins and detached records belonged to the other
 * process and are dropped, holes are rebuilt, and an unfinished change is over. Objects are
 * pointers of another process, so a shard with objects is refused. */
#include "engine/shard.h"

#include "engine/entry.h"
#include "engine/holes.h"
#include "engine/shard_check.h"

#include <string.h>

/* Drop the pins in a span of the log, and rebuild its holes. False if it is not a span of records.
 */
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
	memset(&shard->holes, 0, sizeof shard->holes);
	if (!put_in_order(shard, shard->log_start, shard->log.head) ||
		!put_in_order(shard, shard->log.gap_end, shard->log.end))
		return NULL;
	/* What the policy has learned is a hint, of any value. */
	memset(&shard->costs, 0, sizeof shard->costs);
	shard->balance.leave = shard->balance.enter = 0;
	shard->sequence &= ~1u;
	shard->to_free = NULL;
	shard->foreign.marks = NULL;
	shard->foreign.seen = NULL;
	shard->pins.records = 0;
	shard->pins.units = 0;
	/* The search for expired entries starts over. */
	shard->expiry.at = 0;
	shard->expiry.due_ms = INT64_MIN;
	shard->expiry.lap_due_ms = SCI_NEVER;
	return sci_shard_check(shard) ? NULL : shard;
}
