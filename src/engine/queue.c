/* Two links in each live record, place 0 at both ends. A queue knows how many entries are in it
 * and what they weigh, because its target is in one or the other. Which queue an entry is in says its slot
 * of the index. */
#include "engine/queue.h"

#include "engine/eighths.h"
#include "engine/index.h"

static _Atomic sci_place *link_from_newer(struct sci_shard *shard, struct sci_queue *queue,
	sci_place newer)
{
	return newer ? &sci_record_at(shard, newer)->older : &queue->newest;
}

static _Atomic sci_place *link_from_older(struct sci_shard *shard, struct sci_queue *queue,
	sci_place older)
{
	return older ? &sci_record_at(shard, older)->newer : &queue->oldest;
}

/* Link it behind `newer`, seen from the newest; 0: it becomes the newest. */
static void link_behind(struct sci_shard *shard, struct sci_queue *queue, sci_place place,
	sci_place newer)
{
	struct sci_record *record = sci_record_at(shard, place);

	sci_write(&record->newer, newer);
	sci_write(&record->older, newer ? sci_record_at(shard, newer)->older : queue->newest);
	sci_write(link_from_older(shard, queue, record->older), place);
	sci_write(link_from_newer(shard, queue, newer), place);
}

static void take_out(struct sci_shard *shard, struct sci_queue *queue, sci_place place)
{
	const struct sci_record *record = sci_record_at(shard, place);

	assert(*link_from_newer(shard, queue, record->newer) == place);
	assert(*link_from_older(shard, queue, record->older) == place);
	sci_write(link_from_newer(shard, queue, record->newer), record->older);
	sci_write(link_from_older(shard, queue, record->older), record->newer);
}

static void put_behind(struct sci_shard *shard, enum sci_queue_name name, sci_place place,
	sci_place newer)
{
	struct sci_record *record = sci_record_at(shard, place);
	struct sci_queue *queue = &shard->queue[name];
	sci_slot *slot = sci_index_slot(shard, place);

	assert(sci_form_in_index(record->form) && sci_slot_place(*slot) == place);
	sci_write(slot, sci_slot_with_queue(*slot, name));
	link_behind(shard, queue, place, newer);
	queue->entries++;
	queue->load += sci_record_load(record);
}

void sci_queue_add_to_eighth(struct sci_shard *shard, sci_place place, unsigned eighth)
{
	put_behind(shard, SCI_WINDOW, place, sci_eighths_before(shard, eighth));
	sci_eighths_added(shard, place, eighth);
}

void sci_queue_add(struct sci_shard *shard, enum sci_queue_name name, sci_place place)
{
	if (name == SCI_WINDOW)
		sci_queue_add_to_eighth(shard, place, 0);
	else
		put_behind(shard, name, place, 0);
}

static struct sci_queue *queue_of(struct sci_shard *shard, sci_place place)
{
	return &shard->queue[sci_slot_queue(*sci_index_slot(shard, place))];
}

void sci_queue_remove(struct sci_shard *shard, sci_place place)
{
	const struct sci_record *record = sci_record_at(shard, place);
	struct sci_queue *queue = queue_of(shard, place);

	assert(queue->entries > 0 && queue->load >= sci_record_load(record));
	if (queue == &shard->queue[SCI_WINDOW])
		sci_eighths_remove(shard, place);
	take_out(shard, queue, place);
	queue->entries--;
	queue->load -= sci_record_load(record);
}

void sci_queue_renew(struct sci_shard *shard, enum sci_queue_name name, sci_place place)
{
	struct sci_queue *queue = &shard->queue[SCI_MAIN];

	/* Where it is in main, and stays there, nothing but its links changes. */
	if (name != SCI_MAIN || sci_slot_queue(*sci_index_slot(shard, place)) != SCI_MAIN) {
		sci_queue_remove(shard, place);
		sci_queue_add(shard, name, place);
	} else if (queue->newest != place) {
		take_out(shard, queue, place);
		link_behind(shard, queue, place, 0);
	}
}

void sci_queue_moved(struct sci_shard *shard, sci_place from, sci_place to)
{
	const struct sci_record *record = sci_record_at(shard, to);
	struct sci_queue *queue = queue_of(shard, to);

	assert(sci_slot_place(*sci_index_slot(shard, to)) == to);
	sci_write(link_from_newer(shard, queue, record->newer), to);
	sci_write(link_from_older(shard, queue, record->older), to);
	if (queue == &shard->queue[SCI_WINDOW])
		sci_eighths_moved(shard, from, to);
}

sci_place sci_queue_oldest(const struct sci_shard *shard, enum sci_queue_name name)
{
	sci_place place = shard->queue[name].oldest;

	while (place && sci_record_is_pinned(sci_record_at(shard, place)))
		place = sci_record_at(shard, place)->newer;
	return place;
}
