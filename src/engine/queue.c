/* Doubly linked lists through the records; offset 0 ends them. A queue counts its entries and
 * their load, because its target is in one of them. An entry's slot says which queue it is in. */
#include "engine/queue.h"

#include "engine/segments.h"

static _Atomic sci_offset *link_from_newer(struct sci_shard *shard, struct sci_queue *queue,
	sci_offset newer)
{
	return newer ? &sci_record_at(shard, newer)->older : &queue->newest;
}

static _Atomic sci_offset *link_from_older(struct sci_shard *shard, struct sci_queue *queue,
	sci_offset older)
{
	return older ? &sci_record_at(shard, older)->newer : &queue->oldest;
}

/* Link after `newer`, from the newest; 0: at the front. */
static void link_behind(struct sci_shard *shard, struct sci_queue *queue, sci_offset offset,
	sci_offset newer)
{
	struct sci_record *record = sci_record_at(shard, offset);

	sci_write(&record->newer, newer);
	sci_write(&record->older, newer ? sci_record_at(shard, newer)->older : queue->newest);
	sci_write(link_from_older(shard, queue, record->older), offset);
	sci_write(link_from_newer(shard, queue, newer), offset);
}

static void take_out(struct sci_shard *shard, struct sci_queue *queue, sci_offset offset)
{
	const struct sci_record *record = sci_record_at(shard, offset);

	assert(*link_from_newer(shard, queue, record->newer) == offset);
	assert(*link_from_older(shard, queue, record->older) == offset);
	sci_write(link_from_newer(shard, queue, record->newer), record->older);
	sci_write(link_from_older(shard, queue, record->older), record->newer);
}

static void put_behind(struct sci_shard *shard, enum sci_queue_name name, sci_offset offset,
	sci_offset newer)
{
	struct sci_record *record = sci_record_at(shard, offset);
	struct sci_queue *queue = &shard->queue[name];
	sci_slot *slot = sci_slot_of(shard, offset);

	assert(sci_header_in_index(record->header) && sci_slot_offset(*slot) == offset);
	sci_write(slot, sci_slot_with_queue(*slot, name));
	link_behind(shard, queue, offset, newer);
	queue->entries++;
	queue->load += sci_record_load(record);
}

void sci_queue_add_to_segment(struct sci_shard *shard, sci_offset offset, unsigned segment)
{
	put_behind(shard, SCI_WINDOW, offset, sci_segments_before(shard, segment));
	sci_segments_added(shard, offset, segment);
}

void sci_queue_add(struct sci_shard *shard, enum sci_queue_name name, sci_offset offset)
{
	if (name == SCI_WINDOW)
		sci_queue_add_to_segment(shard, offset, sci_segments_newest(shard));
	else
		put_behind(shard, name, offset, 0);
}

static struct sci_queue *queue_of(struct sci_shard *shard, sci_offset offset)
{
	return &shard->queue[sci_slot_queue(*sci_slot_of(shard, offset))];
}

void sci_queue_remove(struct sci_shard *shard, sci_offset offset)
{
	const struct sci_record *record = sci_record_at(shard, offset);
	struct sci_queue *queue = queue_of(shard, offset);

	assert(queue->entries > 0 && queue->load >= sci_record_load(record));
	if (queue == &shard->queue[SCI_WINDOW])
		sci_segments_remove(shard, offset);
	take_out(shard, queue, offset);
	queue->entries--;
	queue->load -= sci_record_load(record);
}

void sci_queue_renew(struct sci_shard *shard, enum sci_queue_name name, sci_offset offset)
{
	struct sci_queue *queue = &shard->queue[SCI_MAIN];

	/* Within main only the links change. */
	if (name != SCI_MAIN || sci_slot_queue(*sci_slot_of(shard, offset)) != SCI_MAIN) {
		sci_queue_remove(shard, offset);
		sci_queue_add(shard, name, offset);
	} else if (queue->newest != offset) {
		take_out(shard, queue, offset);
		link_behind(shard, queue, offset, 0);
	}
}

void sci_queue_moved(struct sci_shard *shard, sci_offset from, sci_offset to)
{
	const struct sci_record *record = sci_record_at(shard, to);
	struct sci_queue *queue = queue_of(shard, to);

	assert(sci_slot_offset(*sci_slot_of(shard, to)) == to);
	sci_write(link_from_newer(shard, queue, record->newer), to);
	sci_write(link_from_older(shard, queue, record->older), to);
	if (queue == &shard->queue[SCI_WINDOW])
		sci_segments_moved(shard, from, to);
}

sci_offset sci_queue_oldest(const struct sci_shard *shard, enum sci_queue_name name)
{
	sci_offset offset = shard->queue[name].oldest;

	while (offset && sci_record_is_pinned(sci_record_at(shard, offset)))
		offset = sci_record_at(shard, offset)->newer;
	return offset;
}
