/* Readers without the lock set the bit by a compare-and-swap, because writers may change the slot
 * meanwhile. */
#include "engine/touch.h"

/* Attempts against concurrent writers. */
#define TRIES 3

void sci_touch(sci_slot *slot, uint64_t seen)
{
	sci_offset offset = sci_slot_offset(seen);

	/* If another entry is there now, there is nothing to note. */
	for (int i = 0; i < TRIES && sci_slot_offset(seen) == offset; i++)
		if (atomic_compare_exchange_strong_explicit(slot, &seen, seen | SCI_SLOT_TOUCHED,
			    memory_order_relaxed, memory_order_relaxed))
			return;
}
