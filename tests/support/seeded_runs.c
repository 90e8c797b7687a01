/* Each configuration is a test with its own name, so that the output names the failing one. */
#include "support/seeded_runs.h"

#include "support/cmocka.h"

#include <stdbool.h>
#include <stdio.h>

#define CONFIGS_MAX 64

static const struct sct_seeded_runs *all;

static long number_from(const char *variable, long otherwise)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : otherwise;
}

static const char *name_of(const void *config)
{
	const char *const *name = config;

	return *name;
}

static void run_config(void **state)
{
	const void *config = *state;
	bool is_one = getenv("SC_TEST_SEED") || getenv("SC_TEST_OPERATIONS");
	long first = number_from("SC_TEST_SEED", 1), last = is_one ? first : all->seeds;
	long operations = number_from("SC_TEST_OPERATIONS", all->operations);

	for (long seed = first; seed <= last; seed++) {
		printf("%s: SC_TEST_SEED=%ld SC_TEST_OPERATIONS=%ld\n", name_of(config), seed,
			operations);
		all->run(config, (uint64_t)seed, operations);
	}
}

int sct_seeded_runs_main(const struct sct_seeded_runs *runs)
{
	/* Elements without a function are not tests. */
	static struct CMUnitTest tests[CONFIGS_MAX];
	const char *config = runs->configs;

	assert_in_range(runs->count, 1, CONFIGS_MAX);
	all = runs;
	for (size_t i = 0; i < runs->count; i++, config += runs->config_size)
		tests[i] = (struct CMUnitTest){ name_of(config), run_config, NULL, NULL,
			(void *)(uintptr_t)config };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
