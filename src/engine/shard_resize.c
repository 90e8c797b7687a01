/* Bounds at run time. Index and ghosts keep their size; the log becomes shorter or longer. To
 * shorten it, entries are evicted, and one sweep slides the rest to the log's beginning. A pinned
 * record cannot slide: until its unpin the log reaches to its end, though no more is stored than
 * the bound allows. */
#include "engine/shard.h"

#include "engine/log.h"
#include "engine/index.h"
#include "engine/policy.h"

/* Enough for an entry or two. */
#define LOG_BYTES_LEAST 1024u

static uint32_t bound_of_index(const struct sci_shard *shard, uint64_t max_entries)
{
	uint64_t capacity = sci_index_capacity(shard->buckets);

	return (uint32_t)(max_entries && max_entries < capacity ? max_entries : capacity);
}

/* End the log at its bound, or at the last pinned record. */
static void end_log(struct sci_shard *shard, int64_t now_ms)
{
	if (shard->log.end > shard->log_bound)
		sci_log_compact(shard, now_ms);
	sci_log_limit_set(shard,
		shard->log.end > shard->log_bound ? shard->log.end : shard->log_bound);
}

void sci_shard_resize(struct sci_shard *shard, uint64_t max_entries, uint64_t bytes, int64_t now_ms)
{
	shard->max_entries = bound_of_index(shard, max_entries);
	shard->log_bound = (sci_offset)(bytes / SCI_UNIT);
	/* More memory is usable at once; less, once it has been cleared. */
	if (shard->log_limit < shard->log_bound)
		sci_log_limit_set(shard, shard->log_bound);
	sci_capacity_measure(shard);
	sci_policy_make_room(shard, (struct sci_demand){ 0 });
	end_log(shard, now_ms);
}

bool sci_shard_shrink(struct sci_shard *shard, int64_t now_ms)
{
	sci_offset limit = shard->log_limit;

	if (limit > shard->log_bound) {
		/* Records that were pinned then may be evicted now. */
		sci_policy_make_room(shard, (struct sci_demand){ 0 });
		end_log(shard, now_ms);
	}
	return shard->log_limit < limit;
}

uint64_t sci_shard_bytes(const struct sci_shard *shard)
{
	return (uint64_t)shard->log_limit * SCI_UNIT;
}

uint64_t sci_shard_reached(const struct sci_shard *shard)
{
	return (uint64_t)shard->log.head * SCI_UNIT;
}

uint64_t sci_shard_bytes_least(const struct sci_shard *shard)
{
	return (uint64_t)shard->log_start * SCI_UNIT + LOG_BYTES_LEAST;
}
