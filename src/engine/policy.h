/* The eviction policy. */
#ifndef SCI_ENGINE_POLICY_H
#define SCI_ENGINE_POLICY_H

#include "engine/capacity.h"

/* Start without evidence. Sets the number of ghost lines that the policy wants. */
void sci_policy_start(struct sci_shard *shard, enum sci_policy policy);

/* A lookup found the entry of this slot, or its value was replaced in place. */
void sci_policy_hit(struct sci_shard *shard, sci_slot *slot);

/* What a new entry inherits from the entry it replaces, or from its key's ghost. */
struct sci_inherited {
	enum sci_queue_name queue;
	uint8_t uses;
	uint32_t tick;
	bool replaces;
	uint32_t ghost_hash; /* of a new key */
};

/* What the replacement of the entry in this slot inherits. */
struct sci_inherited sci_policy_inherited(uint64_t slot);

/* What a new key inherits; counts its miss. */
void sci_policy_newcomer(struct sci_shard *shard, uint64_t hash, struct sci_inherited *inherited);

/* Whether a put may be stored; sets its queue in `inherited`. A value larger than the window must
 * be worth more than what it evicts, which is evicted when this returns true. */
bool sci_policy_admit(struct sci_shard *shard, struct sci_demand demand,
	struct sci_inherited *inherited);

/* Evict until the demand fits the bounds, or nothing can be evicted. */
void sci_policy_make_room(struct sci_shard *shard, struct sci_demand demand);

/* Evict one entry, because the log has no contiguous space. Returns false if all are pinned. */
bool sci_policy_evict(struct sci_shard *shard);

/* Evict this entry, which is not pinned: it is in the way. */
void sci_policy_evict_entry(struct sci_shard *shard, sci_offset offset);

/* An entry is about to be removed for another reason than eviction. */
void sci_policy_removed(struct sci_shard *shard, sci_offset offset);

/* The new entry is in the index: add it to its queue. */
void sci_policy_entered(struct sci_shard *shard, sci_offset offset,
	const struct sci_inherited *inherited);

#endif
