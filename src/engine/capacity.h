/* What the cache holds when it is full, in entries or in units of the log, whichever bound binds.
 */
#ifndef SCI_ENGINE_CAPACITY_H
#define SCI_ENGINE_CAPACITY_H

#include "engine/layout.h"

/* What a put needs: units of load, the cost of loading it again (0: unknown), and one entry, or
 * none if it replaces one. */
struct sci_demand {
	uint64_t load;
	uint32_t cost;
	uint32_t entries;
};

/* Compute capacity_units; call it when the bounds change, and before each put once records were
 * moved. A part of the log stays free, because in a full log each stored byte would move dozens.
 * Entries of similar sizes are never moved; the more is moved, the more stays free, up to twice
 * the part. */
void sci_capacity_measure(struct sci_shard *shard);

/* Whether the bound on bytes binds, not that on entries. The window is measured in the unit of the
 * binding bound. */
static inline bool sci_capacity_is_of_bytes(const struct sci_shard *shard)
{
	return sci_shard_load(shard) * shard->max_entries >
		(uint64_t)shard->entries * shard->capacity_units;
}

/* How many entries the cache holds when it is full; at least 1. */
uint32_t sci_capacity_entries(const struct sci_shard *shard);

/* Whether it holds `entries`, to within an eighth. Every put asks, so it does not divide. */
bool sci_capacity_is_about(const struct sci_shard *shard, uint32_t entries);

/* By how much this demand would exceed the bounds. */
static inline struct sci_demand sci_capacity_excess(const struct sci_shard *shard,
	struct sci_demand demand)
{
	uint64_t load = sci_shard_load(shard) + demand.load;
	uint64_t entries = (uint64_t)shard->entries + demand.entries;

	return (struct sci_demand){
		.load = load > shard->capacity_units ? load - shard->capacity_units : 0,
		.entries =
			entries > shard->max_entries ? (uint32_t)(entries - shard->max_entries) : 0,
	};
}

static inline bool sci_capacity_is_exceeded(const struct sci_shard *shard, struct sci_demand demand)
{
	return sci_shard_load(shard) + demand.load > shard->capacity_units ||
		(uint64_t)shard->entries + demand.entries > shard->max_entries;
}

#endif
