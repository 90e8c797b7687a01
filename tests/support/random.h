/* Repeatable random numbers for tests: the same seed gives the same run. */
#ifndef SCT_RANDOM_H
#define SCT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* SplitMix64. */
static inline uint64_t sct_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static inline uint64_t sct_below(uint64_t *state, uint64_t bound)
{
	return sct_random(state) % bound;
}

/* An operation of a random test; its weight, above 0, is its relative frequency. */
struct sct_operation {
	unsigned weight;
	void (*call)(int key);
};

static inline const struct sct_operation *sct_pick_operation(const struct sct_operation *operations,
	size_t count, uint64_t *state)
{
	uint64_t all = operations[0].weight;

	for (size_t i = 1; i < count; i++)
		all += operations[i].weight;
	uint64_t at = sct_below(state, all);
	for (; at >= operations->weight; operations++)
		at -= operations->weight;
	return operations;
}

#endif
