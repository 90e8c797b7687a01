/* The three structures that know of an entry - the log's record, the index's slot, its queue -
 * change together, here. */
#include "engine/entry.h"

#include "engine/holes.h"
#include "engine/index.h"
#include "engine/queue.h"

#define POISON UINT64_C(0xDDDDDDDDDDDDDDDD)

void sci_entry_die(struct sci_shard *shard, sci_place place)
{
	uint32_t units = sci_record_units(sci_record_at(shard, place));

	assert(!sci_record_is_pinned(sci_record_at(shard, place)) && shard->space_units >= units);
	shard->space_units -= units;
#ifdef SC_AUDIT
	/* Whoever still reads the value shall notice. */
	sci_word *words = sci_record_words(sci_record_at(shard, place));
	for (uint32_t i = 0; i < units; i++)
		sci_write(&words[i], POISON);
#endif
	sci_holes_add(shard, place, units);
}

static void depart(struct sci_shard *shard, struct sci_record *record)
{
	struct sci_departed *departed = sci_record_object(record);

	departed->next = shard->departed;
	shard->departed = departed;
}

/* The record has left index and queue: its space is free, unless somebody holds it. */
static void leave(struct sci_shard *shard, sci_place place)
{
	struct sci_record *record = sci_record_at(shard, place);
	uint64_t form = record->form;

	assert(shard->entries > 0 && shard->weight_units >= sci_record_worth(record).weight_units);
	shard->entries--;
	shard->weight_units -= sci_record_worth(record).weight_units;
	if (sci_form_state(form) == SCI_RECORD_OBJECT)
		depart(shard, record);
	if (sci_form_pins(form))
		sci_write(&record->form,
			form ^ sci_form(SCI_RECORD_LIVE, 0, 0) ^
				sci_form(SCI_RECORD_DETACHED, 0, 0));
	else
		sci_entry_die(shard, place);
}

void sci_entry_detach(struct sci_shard *shard, sci_place place)
{
	assert(sci_form_in_index(sci_record_at(shard, place)->form));
	sci_queue_remove(shard, place);
	sci_change_begin(shard);
	sci_write(sci_index_slot(shard, place), 0);
	sci_change_end(shard);
	leave(shard, place);
}

void sci_entry_replace(struct sci_shard *shard, sci_slot *slot, sci_place place)
{
	sci_place old = sci_slot_place(*slot);

	assert(old != place && sci_form_in_index(sci_record_at(shard, old)->form) &&
		sci_form_in_index(sci_record_at(shard, place)->form));
	sci_queue_remove(shard, old);
	sci_write(&sci_record_at(shard, place)->slot, sci_record_at(shard, old)->slot);
	sci_change_begin(shard);
	sci_write(slot, sci_slot_with_place(*slot, place));
	sci_change_end(shard);
	leave(shard, old);
}

void sci_entry_move(struct sci_shard *shard, sci_place from, sci_place to)
{
	sci_slot *slot = sci_index_slot(shard, from);
	uint32_t units = sci_record_units(sci_record_at(shard, from));

	assert(to < from && !sci_record_is_pinned(sci_record_at(shard, from)));
	sci_change_begin(shard);
	sci_words_move_down(sci_record_words(sci_record_at(shard, to)),
		sci_record_words(sci_record_at(shard, from)), units);
	sci_write(slot, sci_slot_with_place(*slot, to));
	sci_change_end(shard);
	sci_queue_moved(shard, from, to);
	shard->moved_units += units;
}
