/* Readers without the lock set the bit by a compare-and-swap, because writers change the slot at the same time. */
#include "engine/touch.h"

/* So often it is tried to note a touch in a slot that others write to. */
#define TRIES 3

void sci_touch(sci_slot *slot, uint64_t seen)
{
	sci_offset offset = sci_slot_offset(seen);

	/* When another entry is there, this is no news of it. */
	for (int i = 0; i < TRIES && sci_slot_offset(seen) == offset; i++)
		if (atomic_compare_exchange_strong_explicit(slot, &seen, seen | SCI_SLOT_TOUCHED,
			    memory_order_relaxed, memory_order_relaxed))
			return;
}
