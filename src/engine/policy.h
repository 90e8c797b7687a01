/* The policy: which entries stay. */
#ifndef SCI_ENGINE_POLICY_H
#define SCI_ENGINE_POLICY_H

#include "engine/layout.h"

/* Begin with nothing known. Sets how many lines of ghosts the policy wants. */
void sci_policy_start(struct sci_shard *shard, enum sci_policy policy);

/* A lookup found the entry in this slot of the index. */
void sci_policy_hit(struct sci_shard *shard, uint64_t *slot);

/* What a new entry takes over: from the entry it replaces, or from its key's ghost. */
struct sci_legacy {
	enum sci_queue_name queue;
	uint8_t uses, mark;
	bool replaces;
};

/* The entry in this slot is being replaced: what its successor takes over. */
struct sci_legacy sci_policy_legacy(const struct sci_shard *shard, uint64_t slot);

/* A new key comes: what is left of it from before. */
struct sci_legacy sci_policy_newcomer(struct sci_shard *shard, uint32_t hash);

/* Evict until one more entry of `units` is within the bounds, or nothing can be evicted. */
void sci_policy_make_room(struct sci_shard *shard, uint32_t units);

/* Evict one entry because the log found no space that lies together. False when nothing is left that is
 * not pinned. */
bool sci_policy_evict(struct sci_shard *shard);

/* The new entry is in the index: queue it. */
void sci_policy_entered(struct sci_shard *shard, sci_place place, struct sci_legacy legacy);

#endif
