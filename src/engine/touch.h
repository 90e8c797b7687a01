/* The reference bit, `touched`: all that a hit writes. */
#ifndef SCI_ENGINE_TOUCH_H
#define SCI_ENGINE_TOUCH_H

#include "engine/layout.h"

/* An entry that was touched so few ticks ago is not touched again: what was just used is often used again at
 * once, and that tells nothing. */
#define SCI_FRESH_TICKS 3u

/* Whether a hit of the entry in this slot has to be noted: it is not, and the entry is not fresh. */
static inline bool sci_touch_is_wanted(const struct sci_shard *shard, uint64_t slot)
{
	uint32_t touched_and_tick = (uint32_t)(slot >> SCI_SLOT_TICK_SHIFT) & (2 * SCI_TICKS - 1);
	uint32_t age = (sci_read(&shard->tick) - touched_and_tick) & (SCI_TICKS - 1);

	return age >= SCI_FRESH_TICKS && touched_and_tick < SCI_TICKS;
}

_Static_assert(SCI_SLOT_TOUCHED >> SCI_SLOT_TICK_SHIFT == SCI_TICKS,
	"`touched` is the bit above the tick");

/* Note it, without the lock, by a reader that saw this in the slot and that it wants it. Only for
 * SCI_POLICY_COUNTED. */
void sci_touch(sci_slot *slot, uint64_t seen);

#endif
