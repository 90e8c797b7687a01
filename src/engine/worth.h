/* The worth of an entry: its uses times its cost, per unit of the binding bound
 * (GreedyDual-Size-Frequency). As a logarithm, in 4,096ths of an octave, because only ratios
 * matter. Without costs, or if all are equal, it is the uses alone. */
#ifndef SCI_ENGINE_WORTH_H
#define SCI_ENGINE_WORTH_H

#include "engine/use_count.h"

#define SCI_OCTAVE 4096

/* An approximate logarithm of a positive number: exact order up to 32, monotonic above. */
static inline int32_t sci_log(uint64_t number)
{
	int octaves = 63 - __builtin_clzll(number);
	uint64_t mantissa = number << (63 - octaves);

	return octaves * SCI_OCTAVE + (int32_t)(mantissa >> 59 & 15) * (SCI_OCTAVE / 16);
}

/* Of each count of uses. */
extern const int32_t sci_worth_of_uses[SCI_USES_MAX + 1];

/* The cost per unit of what it takes, if bytes bind; the mean cost if it is unknown (0). */
static inline int32_t sci_cost_for(const struct sci_shard *shard, uint32_t cost, uint64_t load,
	bool bytes_bind)
{
	if (!cost)
		return shard->costs.usual;
	return sci_log(cost) - (bytes_bind ? sci_log(load ? load : 1) : 0);
}

static inline int32_t sci_worth(const struct sci_shard *shard, unsigned uses, uint32_t cost,
	uint64_t load, bool bytes_bind)
{
	int32_t worth = sci_worth_of_uses[uses];

	return shard->costs.differ ? worth + sci_cost_for(shard, cost, load, bytes_bind) : worth;
}

#endif
