/* The invariants of a shard. */
#ifndef SCI_ENGINE_SHARD_CHECK_H
#define SCI_ENGINE_SHARD_CHECK_H

#include "engine/layout.h"

/* Returns NULL, or what is wrong with the head; looks at nothing behind it. When it is right, index, ghosts
 * and log lie one behind the other, and the log ends within log_limit, which is for the caller to compare
 * with the memory that there is. */
const char *sci_shard_check_head(const struct sci_shard *shard);

/* Walk the whole shard and prove its invariants: every byte of the log accounted for, the index, the
 * recency list and the counts in agreement with the records. Returns NULL, or what is wrong. */
const char *sci_shard_check(const struct sci_shard *shard);

#endif
