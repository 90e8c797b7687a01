/* An entry is a record in the log, a slot of the index and a place in a queue. These three change
 * together, here. */
#include "engine/entry.h"

#include "engine/holes.h"
#include "engine/queue.h"

#define POISON UINT64_C(0xDDDDDDDDDDDDDDDD)

void sci_entry_die(struct sci_shard *shard, sci_offset offset)
{
	uint32_t units = sci_record_units(sci_record_at(shard, offset));

	assert(!sci_record_is_pinned(sci_record_at(shard, offset)) && shard->space_units >= units);
	shard->space_units -= units;
#ifdef SC_AUDIT
	/* A reader of a freed value must notice. */
	sci_word *words = sci_record_words(sci_record_at(shard, offset));
	for (uint32_t i = 0; i < units; i++)
		sci_write(&words[i], POISON);
#endif
	sci_holes_add(shard, offset, units);
}

static void free_later(struct sci_shard *shard, struct sci_record *record)
{
	struct sci_object_link *to_free = sci_record_object(record);

	to_free->next = shard->to_free;
	shard->to_free = to_free;
}

/* Free the record, which is in no index and no queue any more; a pinned one becomes detached. */
static void leave(struct sci_shard *shard, sci_offset offset)
{
	struct sci_record *record = sci_record_at(shard, offset);
	uint64_t header = record->header;

	assert(shard->entries > 0 && shard->weight_units >= sci_record_worth(record).weight_units);
	shard->entries--;
	shard->weight_units -= sci_record_worth(record).weight_units;
	if (sci_header_state(header) == SCI_RECORD_OBJECT)
		free_later(shard, record);
	if (sci_header_pins(header))
		sci_write(&record->header,
			header ^ sci_header(SCI_RECORD_LIVE, 0, 0) ^
				sci_header(SCI_RECORD_DETACHED, 0, 0));
	else
		sci_entry_die(shard, offset);
}

void sci_entry_detach(struct sci_shard *shard, sci_offset offset)
{
	assert(sci_header_in_index(sci_record_at(shard, offset)->header));
	sci_queue_remove(shard, offset);
	sci_change_begin(shard);
	sci_write(sci_slot_of(shard, offset), 0);
	sci_change_end(shard);
	leave(shard, offset);
}

void sci_entry_replace(struct sci_shard *shard, sci_slot *slot, sci_offset offset)
{
	sci_offset old = sci_slot_offset(*slot);

	assert(old != offset && sci_header_in_index(sci_record_at(shard, old)->header) &&
		sci_header_in_index(sci_record_at(shard, offset)->header));
	sci_queue_remove(shard, old);
	sci_write(&sci_record_at(shard, offset)->slot, sci_record_at(shard, old)->slot);
	sci_change_begin(shard);
	sci_write(slot, sci_slot_with_offset(*slot, offset));
	sci_change_end(shard);
	leave(shard, old);
}

void sci_entry_move(struct sci_shard *shard, sci_offset from, sci_offset to)
{
	sci_slot *slot = sci_slot_of(shard, from);
	uint32_t units = sci_record_units(sci_record_at(shard, from));

	assert(to < from && !sci_record_is_pinned(sci_record_at(shard, from)));
	sci_change_begin(shard);
	sci_words_move_down(sci_record_words(sci_record_at(shard, to)),
		sci_record_words(sci_record_at(shard, from)), units);
	sci_write(slot, sci_slot_with_offset(*slot, to));
	sci_change_end(shard);
	sci_queue_moved(shard, from, to);
	shard->totals.moved_units += units;
}
