/* Going over the keys of a shard that changes between the steps.
 *
 * An entry may lie in two lines of the index, and is moved from one to the other when room is made; so a
 * walk from line to line would miss some and meet others twice. But its tag and its two lines stay. They
 * are noted for all entries when the walk begins, and a step gives all entries with the tag of a slot in
 * its two lines, unless an earlier step has. So what is there from beginning to end is met once,
 * and nothing is met twice.
 */
#ifndef SCI_ENGINE_WALK_H
#define SCI_ENGINE_WALK_H

#include "engine/shard.h"

/* How many steps a walk has: one for each slot of the index. */
uint64_t sci_walk_steps(const struct sci_shard *shard);

/* Note what is there: a word for each step. */
void sci_walk_begin(const struct sci_shard *shard, uint16_t *tags);

/* A key in the shard, until that is changed. */
struct sci_walk_key {
	const unsigned char *data;
	size_t len;
};

/* What one step can give at most: two lines of entries. */
#define SCI_WALK_KEYS_MAX 16u

/* Take a step: the keys of entries that are not past their deadline. Returns how many they are. */
unsigned sci_walk_step(const struct sci_shard *shard, const uint16_t *tags, uint64_t step,
	int64_t now_ms, struct sci_walk_key keys[SCI_WALK_KEYS_MAX]);

#endif
