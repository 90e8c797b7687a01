/* The invariants of a shard. */
#ifndef SCI_ENGINE_SHARD_CHECK_H
#define SCI_ENGINE_SHARD_CHECK_H

#include "engine/layout.h"

/* Check the head alone. Returns NULL, or what is wrong. If it is right, index, ghosts and log
 * follow each other, and the log ends within log_limit, which the caller compares with its memory.
 */
const char *sci_shard_check_head(const struct sci_shard *shard);

/* Check all invariants: all bytes of the log, and the index, the queues and the counts against the
 * records. Returns NULL, or what is wrong. */
const char *sci_shard_check(const struct sci_shard *shard);

#endif
