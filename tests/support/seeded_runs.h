/* Tests that random numbers decide: some runs of each configuration, each with a seed that is
 * printed, so that one that fails can be had again.
 *
 *	SC_TEST_SEED=n SC_TEST_OPERATIONS=n    just that run, of each configuration
 *	SC_TEST_OPERATIONS=1000000             one long run of each
 *
 * in front of the program. */
#ifndef SCT_SEEDED_RUNS_H
#define SCT_SEEDED_RUNS_H

#include <stddef.h>
#include <stdint.h>

struct sct_seeded_runs {
	const void *configs; /* structs of which each begins with its name, a const char * */
	size_t config_size, count;
	long seeds;      /* how many runs of each, */
	long operations; /* and of how many operations, unless somebody says otherwise */
	void (*run)(const void *config, uint64_t seed, long operations);
};

/* All of them, as the tests of the program. Returns what main() does. */
int sct_seeded_runs_main(const struct sct_seeded_runs *runs);

#endif
