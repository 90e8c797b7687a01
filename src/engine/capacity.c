/* What the cache holds when it is full, in entries or in units of the log, whichever bound binds.
 */
#include "engine/capacity.h"

#define FREE_PART 32u /* of the log stays free, at least */

/* a * b / c for b < c, where a * b may overflow 64 bits. */
static uint64_t part_of(uint32_t a, uint64_t b, uint64_t c)
{
	unsigned shift = c >> 32 ? 32u - (unsigned)__builtin_clzll(c) : 0;

	return a * (b >> shift) / (c >> shift);
}

void sci_capacity_measure(struct sci_shard *shard)
{
	uint32_t units = shard->log_bound - shard->log_start, part = units / FREE_PART;
	uint64_t moved = shard->totals.moved_units, stored = shard->totals.stored_units;
	uint64_t more = moved < stored ? part_of(part, moved, stored) : moved ? part : 0;

	shard->capacity_units = units - part - (uint32_t)more;
}

uint32_t sci_capacity_entries(const struct sci_shard *shard)
{
	uint64_t entries = shard->max_entries;

	if (shard->entries && sci_capacity_is_of_bytes(shard))
		entries = (uint64_t)shard->capacity_units * shard->entries / sci_shard_load(shard);
	return entries ? (uint32_t)entries : 1;
}

bool sci_capacity_is_about(const struct sci_shard *shard, uint32_t entries)
{
	uint64_t least = (uint64_t)entries - entries / 9, most = (uint64_t)entries + entries / 7;

	if (shard->entries && sci_capacity_is_of_bytes(shard)) {
		uint64_t whole = (uint64_t)shard->capacity_units * shard->entries;
		uint64_t load = sci_shard_load(shard);
		return least * load <= whole && whole <= most * load;
	}
	return least <= shard->max_entries && shard->max_entries <= most;
}
