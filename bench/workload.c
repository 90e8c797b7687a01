/* Zipf by inversion: the cumulative weights are made once, and each draw is a binary search. Ranks are
 * spread over the keys, so that the popular ones do not lie together. */
#include "workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKEW 0.99

static uint64_t next_random(uint64_t *state)
{
	/* SplitMix64. */
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static uint64_t rank_of(const double *cumulative, uint64_t keys, double draw)
{
	uint64_t low = 0, high = keys - 1;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (cumulative[middle] < draw)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void draw_all(struct workload *workload, double *cumulative)
{
	uint64_t random = workload->keys;
	double sum = 0;

	for (uint64_t i = 0; i < workload->keys; i++)
		cumulative[i] = sum += pow((double)(i + 1), -SKEW);
	for (uint64_t i = 0; i < workload->operations; i++) {
		double draw = (double)(next_random(&random) >> 11) * 0x1p-53 * sum;
		workload->order[i] = (uint32_t)rank_of(cumulative, workload->keys, draw);
	}
}

bool workload_init(struct workload *workload, uint64_t keys, uint64_t operations)
{
	double *cumulative = calloc(keys, sizeof *cumulative);
	uint64_t random = 1;
	char text[BENCH_KEY_BYTES + 1];

	*workload = (struct workload){ .keys = keys, .operations = operations };
	workload->key = calloc(keys, sizeof *workload->key);
	workload->order = calloc(operations, sizeof *workload->order);
	bool made = cumulative && workload->key && workload->order;
	if (made) {
		for (uint64_t i = 0; i < keys; i++) {
			snprintf(text, sizeof text, "%016llx",
				(unsigned long long)next_random(&random));
			memcpy(workload->key[i], text, BENCH_KEY_BYTES);
		}
		draw_all(workload, cumulative);
	} else {
		workload_fini(workload);
	}
	free(cumulative);
	return made;
}

void workload_fini(struct workload *workload)
{
	free(workload->key);
	free(workload->order);
	*workload = (struct workload){ 0 };
}
