/* The log: space for records, found by one cursor that goes round and round. */
#ifndef SCI_ENGINE_LOG_H
#define SCI_ENGINE_LOG_H

#include "engine/layout.h"

/* Work without a limit. */
#define SCI_LOG_ANY_WORK UINT64_MAX

/* Take `units` of space that lie together, for a record that the caller writes at once. Expired entries
 * on the way are removed; others are moved closer together, and none is evicted.
 *
 * returns  the place, or 0: there is no room, or it was not found by looking at `work_units` of
 *          records. Then the caller evicts something and tries again; what was done is not lost. */
sci_place sci_log_reserve(struct sci_shard *shard, uint32_t units, uint64_t work_units,
	int64_t now_ms);

/* Forget every record; none may be live or pinned. */
void sci_log_reset(struct sci_shard *shard);

#endif
