/* What the cache holds when it is full, in entries or in units of the log, whichever is short. */
#include "engine/capacity.h"

#define FREE_PART (1 / 32.0) /* of the log, at least */

void sci_capacity_measure(struct sci_shard *shard)
{
	uint32_t log_units = shard->log_bound - shard->log_start;
	double moved =
		shard->stored_units ? (double)shard->moved_units / (double)shard->stored_units : 0;

	shard->capacity_units =
		log_units - (uint32_t)(log_units * FREE_PART * (1 + (moved < 1 ? moved : 1)));
}

/* Which of the two bounds is nearer decides in what the window is measured. */
bool sci_capacity_is_of_bytes(const struct sci_shard *shard)
{
	return sci_shard_load(shard) * shard->max_entries >
		(uint64_t)shard->entries * shard->capacity_units;
}

/* How many entries the cache holds when it is full. */
double sci_capacity_entries(const struct sci_shard *shard)
{
	if (shard->entries && sci_capacity_is_of_bytes(shard))
		return (double)shard->capacity_units / (double)sci_shard_load(shard) *
			(double)shard->entries;
	return (double)shard->max_entries;
}

/* Whether so many are at least so many times what the cache holds when it is full. Often asked, so nothing
 * is divided. */
bool sci_capacity_is_times(const struct sci_shard *shard, uint64_t count, double times)
{
	if (shard->entries && sci_capacity_is_of_bytes(shard))
		return (double)count * (double)sci_shard_load(shard) >=
			times * (double)shard->capacity_units * (double)shard->entries;
	return (double)count >= times * (double)shard->max_entries;
}

/* By how much the bounds would be exceeded. */
struct sci_demand sci_capacity_excess(const struct sci_shard *shard, struct sci_demand demand)
{
	uint64_t load = sci_shard_load(shard) + demand.load;
	uint64_t entries = (uint64_t)shard->entries + demand.entries;

	return (struct sci_demand){
		.load = load > shard->capacity_units ? load - shard->capacity_units : 0,
		.entries =
			entries > shard->max_entries ? (uint32_t)(entries - shard->max_entries) : 0,
	};
}

bool sci_capacity_is_exceeded(const struct sci_shard *shard, struct sci_demand demand)
{
	struct sci_demand over = sci_capacity_excess(shard, demand);

	return over.load || over.entries;
}
