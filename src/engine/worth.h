/* What an entry is worth: how often it is used, times what it costs to make anew, for what it takes of
 * the bound that is short. As a logarithm, in 4,096ths of an octave, because only ratios matter.
 *
 * Where no costs were given, or all for what they take are the same, it is the uses alone. */
#ifndef SCI_ENGINE_WORTH_H
#define SCI_ENGINE_WORTH_H

#include "engine/layout.h"

#define SCI_OCTAVE 4096

/* About the logarithm of a number above 0; it rises with each number up to 32, and never falls. */
static inline int32_t sci_log(uint64_t number)
{
	int octaves = 63 - __builtin_clzll(number);
	uint64_t mantissa = number << (63 - octaves);

	return octaves * SCI_OCTAVE + (int32_t)(mantissa >> 59 & 15) * (SCI_OCTAVE / 16);
}

/* What a cost, 0 if it is not known, is for something that takes so much: bytes, if those are short. */
static inline int32_t sci_cost_for(const struct sci_shard *shard, uint32_t cost, uint64_t load,
	bool bytes_bind)
{
	if (!cost)
		return shard->usual_cost;
	return sci_log(cost) - (bytes_bind ? sci_log(load ? load : 1) : 0);
}

static inline int32_t sci_worth(const struct sci_shard *shard, unsigned uses, uint32_t cost,
	uint64_t load, bool bytes_bind)
{
	int32_t worth = uses ? sci_log(uses) : -SCI_OCTAVE;

	return shard->costs_differ ? worth + sci_cost_for(shard, cost, load, bytes_bind) : worth;
}

#endif
