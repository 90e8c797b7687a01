/* Randomised tests: several runs of each configuration, each with a printed seed, so that a failing
 * run can be repeated.
 *
 * 	SC_TEST_SEED=n SC_TEST_OPERATIONS=n    just that run, of each configuration
 * 	SC_TEST_OPERATIONS=1000000             one long run of each
 *
 * in front of the program. */
#ifndef SCT_SEEDED_RUNS_H
#define SCT_SEEDED_RUNS_H

#include <stddef.h>
#include <stdint.h>

struct sct_seeded_runs {
	const void *configs; /* an array of structs that begin with a name, a const char * */
	size_t config_size, count;
	long seeds;      /* how many runs of each configuration, */
	long operations; /* and operations of each run, unless SC_TEST_OPERATIONS is set */
	void (*run)(const void *config, uint64_t seed, long operations);
};

/* Run them all, as the tests of the program. Returns the result for main(). */
int sct_seeded_runs_main(const struct sct_seeded_runs *runs);

#endif
