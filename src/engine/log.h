/* The log: space for records, found by one cursor that goes round and round. */
#ifndef SCI_ENGINE_LOG_H
#define SCI_ENGINE_LOG_H

#include "engine/layout.h"

/* Take `units` of space that lie together, for a record that the caller writes at once. Expired entries
 * on the way are removed, and others are moved closer together, or evicted when that is too much work for
 * one record. Returns the place, or 0 when there is no room that pinned records do not cut into pieces. */
sci_offset sci_log_reserve(struct sci_shard *shard, uint32_t units, int64_t now_ms);

/* Slide all records together at the log's beginning, as far as none is pinned. */
void sci_log_compact(struct sci_shard *shard, int64_t now_ms);

/* Forget every record; none may be live or pinned. */
void sci_log_reset(struct sci_shard *shard);

#endif
