/* Iteration over the keys of a shard that changes between the steps.
 *
 * An entry may move between its two lines when room is made, so a walk from line to line would miss
 * some and meet others twice. But its tag and its two lines do not change. They are noted for all
 * entries at the beginning; a step returns all entries with the tag of a slot in its two lines,
 * unless an earlier step did. So an entry that is there from beginning to end is returned exactly
 * once. */
#ifndef SCI_ENGINE_WALK_H
#define SCI_ENGINE_WALK_H

#include "engine/shard.h"

/* The number of steps: one for each slot of the index. */
uint64_t sci_walk_steps(const struct sci_shard *shard);

/* Note the tag of each slot. */
void sci_walk_begin(const struct sci_shard *shard, uint16_t *tags);

/* A key in the shard, valid until the shard changes. */
struct sci_walk_key {
	const unsigned char *data;
	size_t len;
};

/* Keys of one step at most: two lines of entries. */
#define SCI_WALK_KEYS_MAX 16u

/* Take a step. Returns the number of keys, of entries that have not expired. */
unsigned sci_walk_step(const struct sci_shard *shard, const uint16_t *tags, uint64_t step,
	int64_t now_ms, struct sci_walk_key keys[SCI_WALK_KEYS_MAX]);

#endif
