/* A mark is the tick of the last use. It counts as a use if it is SCI_FRESH_TICKS or more after
 * the last counted one, as in an index. A counted use leaves the slot with a tick that is not
 * before the mark. Ages of both are capped. The marks that were read last are kept behind the
 * records, so that the sweep at each miss compares eight at once. */
#include "engine/foreign_entry.h"

#include "engine/queue.h"
#include "engine/touch.h"

uint32_t sci_foreign_ghost_hash_of(const struct sci_shard *shard, sci_offset offset)
{
	return (uint32_t)(sci_record_words(sci_record_at(shard, offset))[2] >> 32);
}

void sci_foreign_set_mark(struct sci_shard *shard, uint32_t entry, uint32_t tick)
{
	uint8_t mark = (uint8_t)(tick & (SCI_TICKS - 1));

	atomic_store_explicit(&shard->foreign.marks[entry], mark, memory_order_relaxed);
	shard->foreign.seen[entry] = mark;
}

void sci_foreign_leave(struct sci_shard *shard, sci_offset offset, sci_offset *list)
{
	struct sci_record *record = sci_record_at(shard, offset);

	sci_queue_remove(shard, offset);
	sci_write(sci_slot_of(shard, offset), 0);
	shard->entries--;
	shard->space_units -= sci_record_units(record);
	shard->weight_units -= sci_record_worth(record).weight_units;
	sci_write(&record->newer, *list);
	sci_write(&record->older, 0);
	*list = offset;
}

void sci_foreign_evict(struct sci_shard *shard, sci_offset offset)
{
	sci_foreign_leave(shard, offset, &shard->SCI_FOREIGN_VICTIMS);
}

/* Whether the mark is a use that is not counted yet. */
static inline bool is_use(unsigned age, unsigned age_of_mark)
{
	return age >= age_of_mark + SCI_FRESH_TICKS;
}

void sci_foreign_note(struct sci_shard *shard, sci_slot *slot)
{
	uint32_t entry = (uint32_t)(slot - sci_slots(shard));
	uint32_t mark = atomic_load_explicit(&shard->foreign.marks[entry], memory_order_relaxed);
	unsigned age = sci_recency_age(shard, sci_slot_tick(*slot));

	shard->foreign.seen[entry] = (uint8_t)mark;
	if (is_use(age, sci_recency_age(shard, mark)))
		sci_write(slot, *slot | SCI_SLOT_TOUCHED);
	else if (age > SCI_AGE_MAX)
		sci_foreign_set_mark(shard, entry, shard->tick - SCI_AGE_MAX);
}
