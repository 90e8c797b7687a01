/* The log: space for records, allocated by a cursor that goes round. */
#ifndef SCI_ENGINE_LOG_H
#define SCI_ENGINE_LOG_H

#include "engine/layout.h"

/* Allocate `units` of contiguous space, which the caller writes at once. Removes expired entries
 * on the way, moves others, and evicts when moving is too much work. Returns the offset; 0 if
 * pinned records leave no contiguous space. */
sci_offset sci_log_reserve(struct sci_shard *shard, uint32_t units, int64_t now_ms);

/* Slide all records to the log's beginning, except pinned ones. */
void sci_log_compact(struct sci_shard *shard, int64_t now_ms);

/* Forget all records; none may be live or pinned. */
void sci_log_reset(struct sci_shard *shard);

#endif
