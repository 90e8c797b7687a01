/* The three structures that know of an entry - the log's record, the index's slot, its queue -
 * change together, here. */
#include "engine/entry.h"

#include "engine/holes.h"
#include "engine/index.h"
#include "engine/queue.h"

#include <string.h>

#define POISON 0xDD

void sci_entry_die(struct sci_shard *shard, sci_place place)
{
	uint32_t units = sci_record_at(shard, place)->units;

	shard->live_units -= units;
#ifdef SC_AUDIT
	/* Whoever still reads the value shall notice. */
	memset(sci_record_at(shard, place), POISON, (size_t)units * SCI_UNIT);
#endif
	sci_holes_add(shard, place, units);
}

void sci_entry_detach(struct sci_shard *shard, sci_place place)
{
	struct sci_record *record = sci_record_at(shard, place);

	*sci_index_slot(shard, place) = 0;
	sci_queue_remove(shard, place);
	shard->entries--;
	if (record->pins)
		sci_record_set_state(record, SCI_RECORD_DETACHED);
	else
		sci_entry_die(shard, place);
}

void sci_entry_move(struct sci_shard *shard, sci_place from, sci_place to)
{
	uint64_t *slot = sci_index_slot(shard, from);
	uint32_t units = sci_record_at(shard, from)->units;

	memmove(sci_record_at(shard, to), sci_record_at(shard, from), (size_t)units * SCI_UNIT);
	sci_slot_move(slot, to);
	sci_queue_moved(shard, to);
	shard->moved_units += units;
}
