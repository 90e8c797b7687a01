/* Tests whether hashes are distributed like random numbers, in all bits and in those that the index
 * of a shard uses. */
#ifndef SCT_HASH_SPREAD_H
#define SCT_HASH_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#define SCT_SPREAD_WINDOWS 14u

/* The counts in each window of the bits of a family's hashes. All zero at the beginning. */
struct sct_spread {
	struct {
		uint64_t pairs;
		double expected, variance;
	} window[SCT_SPREAD_WINDOWS];
};

/* Add the hashes of `count` different keys with one secret. Fails the test, with the family's name,
 * if two hashes are equal, or if in a window the number of pairs that collide is six standard
 * deviations from the expected number. With a thousand windows, the largest difference of random
 * hashes is four to five. */
void sct_spread_add(struct sct_spread *spread, const uint64_t *hashes, size_t count,
	const char *family);

/* Fail if the sum of all windows is not within four standard deviations. */
void sct_spread_check(const struct sct_spread *spread, const char *family);

/* Fail if `pairs`, of `trials` that each collide with a chance of one in `cells`, is not within
 * four standard deviations. */
void sct_pairs_are_chance(uint64_t pairs, double trials, double cells, const char *what);

#endif
