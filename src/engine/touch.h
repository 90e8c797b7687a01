/* `touched`, the reference bit of CLOCK: all that a hit writes. */
#ifndef SCI_ENGINE_TOUCH_H
#define SCI_ENGINE_TOUCH_H

#include "engine/layout.h"

/* An entry touched less than so many ticks ago is not touched again: correlated references say
 * nothing (LRU-K: O'Neil, O'Neil and Weikum, 1993). */
#define SCI_FRESH_TICKS 3u

/* Whether a hit must set the bit: it is not set, and the entry is not fresh. */
static inline bool sci_touch_is_wanted(const struct sci_shard *shard, uint64_t slot)
{
	uint32_t touched_and_tick = (uint32_t)(slot >> SCI_SLOT_TICK_SHIFT) & (2 * SCI_TICKS - 1);
	uint32_t age = (sci_read(&shard->tick) - touched_and_tick) & (SCI_TICKS - 1);

	return age >= SCI_FRESH_TICKS && touched_and_tick < SCI_TICKS;
}

_Static_assert(SCI_SLOT_TOUCHED >> SCI_SLOT_TICK_SHIFT == SCI_TICKS,
	"`touched` is the bit above the tick");

/* Set it, without the lock, by a reader that saw `seen` in the slot. Only for SCI_POLICY_COUNTED.
 */
void sci_touch(sci_slot *slot, uint64_t seen);

#endif
