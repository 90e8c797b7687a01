/* The policy: which entries stay. */
#ifndef SCI_ENGINE_POLICY_H
#define SCI_ENGINE_POLICY_H

#include "engine/capacity.h"
#include "engine/index.h"

/* Begin with nothing known. Sets how many lines of ghosts the policy wants. */
void sci_policy_start(struct sci_shard *shard, enum sci_policy policy);

/* A lookup found the entry in this slot of the index, or its value was replaced where it is. */
void sci_policy_hit(struct sci_shard *shard, sci_slot *slot);

#define SCI_USE_BITS_MAX 3u

/* An entry that was touched so few ticks ago is not touched again: what was just used is often used again at
 * once, and that tells nothing. */
#define SCI_FRESH_TICKS 3u

/* Whether a hit of the entry in this slot has to be noted: it is not, and the entry is not fresh. */
static inline bool sci_policy_wants_touch(const struct sci_shard *shard, uint64_t slot)
{
	uint32_t touched_and_tick = (uint32_t)(slot >> SCI_SLOT_TICK_SHIFT) & (2 * SCI_TICKS - 1);
	uint32_t age = (sci_read(&shard->tick) - touched_and_tick) & (SCI_TICKS - 1);

	return age >= SCI_FRESH_TICKS && touched_and_tick < SCI_TICKS;
}

_Static_assert(SCI_SLOT_TOUCHED >> SCI_SLOT_TICK_SHIFT == SCI_TICKS,
	"`touched` is the bit above the tick");

/* Note it, without the lock, by a reader that saw this in the slot and that it wants it. Only for
 * SCI_POLICY_COUNTED. */
void sci_policy_touch(sci_slot *slot, uint64_t seen);

/* What a new entry takes over: from the entry it replaces, or from its key's ghost. */
struct sci_inherited {
	enum sci_queue_name queue;
	uint8_t uses;
	uint32_t tick;
	bool replaces;
	uint32_t ghost_hash; /* of a new key */
};

/* The entry in this slot is being replaced: what its successor takes over. */
struct sci_inherited sci_policy_inherited(uint64_t slot);

/* A new key comes: what is left of it from before. */
struct sci_inherited sci_policy_newcomer(struct sci_shard *shard, uint64_t hash);

/* Whether what is to come may be stored at all; `legacy` then says where. What is too large for the window
 * has to beat what it would push out, and has done so when this returns true. */
bool sci_policy_admit(struct sci_shard *shard, struct sci_demand demand,
	struct sci_inherited *inherited);

/* Evict until what is to come is within the bounds, or nothing can be evicted. */
void sci_policy_make_room(struct sci_shard *shard, struct sci_demand demand);

/* Evict one entry because the log found no space that lies together. False when nothing is left that is
 * not pinned. */
bool sci_policy_evict(struct sci_shard *shard);

/* Evict this entry, which is not pinned, because it lies in the way. */
void sci_policy_evict_entry(struct sci_shard *shard, sci_offset offset);

/* An entry is about to be removed, and not by the policy. */
void sci_policy_removed(struct sci_shard *shard, sci_offset offset);

/* The new entry is in the index: queue it. */
void sci_policy_entered(struct sci_shard *shard, sci_offset offset, struct sci_inherited inherited);

#endif
