/* An entry is a record in the log, a slot of the index and a place in a queue. These three change
 * together, here.
 *
 * A secret shard wipes here what it frees: a record that dies, and what a move leaves behind. A
 * record that is overwritten in place needs none of this, because all its words are written. So
 * keys and values are in live and in pinned records alone. */
#include "engine/entry.h"

#include "engine/holes.h"
#include "engine/queue.h"

/* In an audit build a reader of a freed value must notice. */
static inline void poison(sci_word *words, uint32_t count)
{
#ifdef SC_AUDIT
	for (uint32_t i = 0; i < count; i++)
		sci_write(&words[i], UINT64_C(0xDDDDDDDDDDDDDDDD));
#else
	(void)words;
	(void)count;
#endif
}

void sci_entry_die(struct sci_shard *shard, sci_offset offset)
{
	uint32_t units = sci_record_units(sci_record_at(shard, offset));

	assert(!sci_record_is_pinned(sci_record_at(shard, offset)) && shard->space_units >= units);
	shard->space_units -= units;
	sci_word *words = sci_record_words(sci_record_at(shard, offset));
	if (shard->is_secret)
		sci_words_wipe(words, units);
	else
		poison(words, units);
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

/* A record of so many units was moved down: wipe what it left behind the new place. */
static void wipe_behind(const struct sci_shard *shard, sci_offset from, sci_offset to,
	uint32_t units)
{
	sci_offset left = to + units > from ? to + units : from;

	sci_words_wipe(sci_record_words(sci_record_at(shard, left)), from + units - left);
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
	if (shard->is_secret)
		wipe_behind(shard, from, to, units);
	sci_change_end(shard);
	sci_queue_moved(shard, from, to);
	shard->totals.moved_units += units;
}
