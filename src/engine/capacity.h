/* What the cache holds when it is full, in entries or in units of the log, whichever is short. */
#ifndef SCI_ENGINE_CAPACITY_H
#define SCI_ENGINE_CAPACITY_H

#include "engine/layout.h"

/* What is to come: units of load, what it costs to make anew (0: not known), and one entry more, or none
 * when it replaces one. */
struct sci_demand {
	uint64_t load;
	uint32_t cost;
	uint32_t entries;
};

/* Measure what the entries may take; before each put once something was moved, and when the bounds have changed. A part of the log
 * stays free, so that there is space that lies together without moving much: in a log that is full to the
 * brim, each byte stored would cost dozens moved. Where sizes are alike nothing has to be moved anyway; the
 * more is moved the more stays free, up to twice as much. */
void sci_capacity_measure(struct sci_shard *shard);

/* Which of the two bounds is nearer decides in what the window is measured: true when it is that on bytes. */
static inline bool sci_capacity_is_of_bytes(const struct sci_shard *shard)
{
	return sci_shard_load(shard) * shard->max_entries >
		(uint64_t)shard->entries * shard->capacity_units;
}

/* How many entries the cache holds when it is full; at least 1. */
uint32_t sci_capacity_entries(const struct sci_shard *shard);

/* Whether it holds `entries`, give or take an eighth. Asked at each put, so nothing is divided. */
bool sci_capacity_is_about(const struct sci_shard *shard, uint32_t entries);

/* By how much the bounds would be exceeded by what is to come. */
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
