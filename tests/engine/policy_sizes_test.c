/* What the policy keeps where sizes and costs differ. */
#include "support/cmocka.h"

#include "base/hash.h"
#include "engine/layout.h"
#include "engine/shard.h"
#include "engine/shard_check.h"
#include "support/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MEMORY (1u << 20)

static struct sci_shard *open_shard(enum sci_policy policy, uint64_t max_entries,
	uint64_t entry_bytes)
{
	struct sci_shard_options options = { policy, MEMORY, max_entries, entry_bytes, false };
	void *memory = aligned_alloc(SCI_SHARD_ALIGN, MEMORY);

	assert_non_null(memory);
	memset(memory, 0, MEMORY);
	return sci_shard_format(memory, &options);
}

static struct sci_name name_of(uint64_t *key)
{
	return (struct sci_name){ .key = key,
		.len = sizeof *key,
		.hash = sci_hash(key, sizeof *key, 3) };
}

static bool has(struct sci_shard *shard, uint64_t key)
{
	struct sci_name name = name_of(&key);
	struct sci_found found;

	return sci_shard_find(shard, &name, 0, &found) == SCI_LOOKUP_HIT;
}

static void put(struct sci_shard *shard, uint64_t key, size_t len, uint32_t cost)
{
	static const unsigned char value[MEMORY];
	struct sci_name name = name_of(&key);
	struct sci_content content = {
		.value = value,
		.len = len,
		.expires_ms = SCI_NEVER,
		.cost = cost,
	};

	assert_int_equal(sci_shard_put(shard, &name, &content, 0), SCI_STORE_OK);
}

/* A request: what is missing is put. */
static bool ask(struct sci_shard *shard, uint64_t key, size_t len, uint32_t cost)
{
	if (has(shard, key))
		return true;
	put(shard, key, len, cost);
	return false;
}

static unsigned count(struct sci_shard *shard, uint64_t from, uint64_t to)
{
	unsigned there = 0;

	for (uint64_t key = from; key < to; key++)
		there += has(shard, key);
	return there;
}

/* Entries of 400 bytes that are used all the time, a third of the capacity. */
#define SET     700u
#define SET_LEN 400u

static struct sci_shard *open_with_set(enum sci_policy policy)
{
	struct sci_shard *shard = open_shard(policy, 0, 256);

	/* Beside them as many that are used once. */
	for (uint64_t round = 1; round <= 20; round++) {
		for (uint64_t key = 0; key < SET; key++)
			ask(shard, key, SET_LEN, 0);
		for (uint64_t key = 0; key < SET; key++)
			ask(shard, round * SET + key, SET_LEN, 0);
	}
	return shard;
}

static void a_large_value_does_not_evict_a_working_set(void **state)
{
	struct sci_shard *shard = open_with_set(SCI_POLICY_COUNTED);
	struct sci_shard *lru = open_with_set(SCI_POLICY_LRU);

	(void)state;
	unsigned before = count(shard, 0, SET);
	assert_true(before > SET * 9 / 10);
	for (uint64_t large = 1; large <= 20; large++) {
		put(shard, large << 32, MEMORY / 2, 0);
		put(lru, large << 32, MEMORY / 2, 0);
	}
	assert_int_equal(count(shard, 0, SET), before);
	assert_true(count(lru, 0, SET) == 0);
	assert_null(sci_shard_check(shard));
	free(shard);
	free(lru);
}

/* Also in LRU mode, while there is no evidence yet. */
static void a_large_value_does_not_evict_a_cold_cache(void **state)
{
	struct sci_shard *shard = open_shard(SCI_POLICY_COUNTED, 0, 256);

	(void)state;
	for (uint64_t key = 0; key < SET; key++)
		put(shard, key, SET_LEN, 0);
	assert_true(shard->balance.lru_mode);
	put(shard, 1ull << 40, MEMORY / 8 * 7, 0);
	assert_int_equal(count(shard, 0, SET), SET);
	assert_false(shard->balance.lru_mode);
	assert_null(sci_shard_check(shard));
	free(shard);
}

/* LRU ignores sizes: where they differ, the cache does not start as LRU. */
static void different_sizes_end_lru_mode_at_the_start(void **state)
{
	struct sci_shard *shard = open_shard(SCI_POLICY_COUNTED, 0, 256);

	(void)state;
	for (uint64_t key = 0; key < SET; key++)
		put(shard, key, SET_LEN, 0);
	put(shard, 1ull << 40, SET_LEN * 2, 0);
	assert_true(shard->balance.lru_mode);
	put(shard, 1ull << 41, SET_LEN * 5, 0);
	assert_false(shard->balance.lru_mode);
	/* Later only evidence counts. */
	shard->balance.lru_mode = 1;
	put(shard, 1ull << 42, SET_LEN * 5, 0);
	assert_true(shard->balance.lru_mode);
	free(shard);
}

/* A put that is declined evicts nothing. */
static void a_declined_put_changes_nothing(void **state)
{
	struct sci_shard *shard = open_with_set(SCI_POLICY_COUNTED);
	uint64_t entries = sci_shard_stats(shard).entries;
	uint64_t evictions = sci_shard_stats(shard).evictions;
	uint64_t moved = sci_shard_stats(shard).moved_bytes;

	(void)state;
	put(shard, 1ull << 40, MEMORY / 2, 0);
	assert_false(has(shard, 1ull << 40));
	assert_int_equal(sci_shard_stats(shard).entries, entries);
	/* It counts as stored and evicted. */
	assert_int_equal(sci_shard_stats(shard).evictions, evictions + 1);
	assert_int_equal(sci_shard_stats(shard).moved_bytes, moved);
	free(shard);
}

/* However much it evicts: a large value that is requested again and again is stored in the end. */
static void a_large_value_that_is_used_more_is_stored(void **state)
{
	struct sci_shard *shard = open_shard(SCI_POLICY_COUNTED, 0, 256);
	unsigned hits = 0;
	uint64_t once = 1000;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 100; i++)
			ask(shard, once++, SET_LEN, 0);
		hits += ask(shard, 1, MEMORY / 2, 0);
	}
	assert_true(hits > 150);
	assert_null(sci_shard_check(shard));
	free(shard);
}

/* An empty cache stores what fits. */
static void a_large_value_alone_is_stored(void **state)
{
	struct sci_shard *shard = open_shard(SCI_POLICY_COUNTED, 0, 256);

	(void)state;
	put(shard, 1, MEMORY / 2, 0);
	assert_true(has(shard, 1));
	put(shard, 1, MEMORY / 4, 0);
	assert_true(has(shard, 1));
	assert_null(sci_shard_check(shard));
	free(shard);
}

/* Keys from 0 on, lower ones more often. */
static uint64_t often_low(uint64_t *random, double keys)
{
	double share = (double)(sct_random(random) >> 11) * 0x1p-53;

	return (uint64_t)(pow(keys, share)) - 1;
}

#define KEYS     5000u
#define REQUESTS 100000u

/* A value of a high cost evicts all of main, and of the window as much as it needs. */
static void an_expensive_value_may_evict_all(void **state)
{
	enum { SMALL = 1000, LARGE = SMALL, LARGE_LEN = 900000 };
	struct sci_shard *shard = open_shard(SCI_POLICY_COUNTED, 0, 400);

	(void)state;
	for (uint64_t key = 0; key < SMALL; key++)
		put(shard, key, 400, 1);
	assert_int_equal(count(shard, 0, SMALL), SMALL);
	uint64_t in_main = shard->queue[SCI_MAIN].entries;
	assert_in_range(in_main, SMALL / 2, SMALL - 1);
	put(shard, LARGE, LARGE_LEN, UINT32_MAX);
	assert_true(has(shard, LARGE));
	assert_true(count(shard, 0, SMALL) < SMALL - in_main);
	assert_null(sci_shard_check(shard));
	free(shard);
}

/* The part of all costs that hits save. */
static double saved(struct sci_shard *shard, uint32_t (*cost_of)(uint64_t key), bool tell)
{
	uint64_t random = 5;
	double all = 0, hit = 0;

	for (unsigned i = 0; i < REQUESTS; i++) {
		uint64_t key = often_low(&random, KEYS);
		uint32_t cost = cost_of(key);
		all += cost;
		if (ask(shard, key, 100 + key % 7 * 200, tell ? cost : 0))
			hit += cost;
	}
	assert_null(sci_shard_check(shard));
	return hit / all;
}

static uint32_t one_in_ten_is_dear(uint64_t key)
{
	return key % 10 == 3 ? 100 : 1;
}

static uint32_t seven(uint64_t key)
{
	(void)key;
	return 7;
}

static void expensive_entries_stay(void **state)
{
	const uint64_t bounds[] = { 300, 0 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct sci_shard *told = open_shard(SCI_POLICY_COUNTED, bounds[i], 1000);
		struct sci_shard *untold = open_shard(SCI_POLICY_COUNTED, bounds[i], 1000);
		struct sci_shard *lru = open_shard(SCI_POLICY_LRU, bounds[i], 1000);
		double least = saved(untold, one_in_ten_is_dear, false);
		assert_true(saved(told, one_in_ten_is_dear, true) > least + 0.02);
		assert_true(saved(lru, one_in_ten_is_dear, true) < least);
		free(told);
		free(untold);
		free(lru);
	}
}

/* If all entries cost the same, costs change nothing. */
static void equal_costs_change_nothing(void **state)
{
	struct sci_shard *told = open_shard(SCI_POLICY_COUNTED, 300, 1000);
	struct sci_shard *untold = open_shard(SCI_POLICY_COUNTED, 300, 1000);

	(void)state;
	assert_true(saved(told, seven, true) == saved(untold, seven, false));
	assert_int_equal(sci_shard_stats(told).evictions, sci_shard_stats(untold).evictions);
	free(told);
	free(untold);
}

/* An expensive entry that is never used again is evicted in the end, even at a million times the
 * cost. */
static void an_unused_expensive_entry_is_evicted(void **state)
{
	struct sci_shard *shard = open_shard(SCI_POLICY_COUNTED, 100, 64);
	uint64_t random = 9;

	(void)state;
	for (uint64_t key = 0; key < 50; key++)
		put(shard, 1000000 + key, 8, 1000000);
	for (unsigned i = 0; i < REQUESTS; i++)
		ask(shard, often_low(&random, KEYS), 8, 1 + (uint32_t)(i % 3));
	assert_int_equal(count(shard, 1000000, 1000050), 0);
	free(shard);
}

/* The index is sized by a guess. Where values are five times as large, the policy does as well as
 * with the right guess, except for the memory of the index. */
static void a_wrong_guess_of_sizes_costs_little(void **state)
{
	const uint64_t guesses[] = { 2000, 400 };
	unsigned hits[2] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct sci_shard *shard = open_shard(SCI_POLICY_COUNTED, 0, guesses[i]);
		uint64_t random = 5, once = 1u << 30;
		for (unsigned j = 0; j < REQUESTS; j++)
			hits[i] += j % 4 == 0 ? ask(shard, once++, 2000, 0)
					      : ask(shard, often_low(&random, KEYS), 2000, 0);
		free(shard);
	}
	assert_true(hits[1] > hits[0] * 97 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_value_does_not_evict_a_working_set),
		cmocka_unit_test(a_large_value_does_not_evict_a_cold_cache),
		cmocka_unit_test(different_sizes_end_lru_mode_at_the_start),
		cmocka_unit_test(a_declined_put_changes_nothing),
		cmocka_unit_test(a_large_value_that_is_used_more_is_stored),
		cmocka_unit_test(a_large_value_alone_is_stored),
		cmocka_unit_test(an_expensive_value_may_evict_all),
		cmocka_unit_test(expensive_entries_stay),
		cmocka_unit_test(equal_costs_change_nothing),
		cmocka_unit_test(an_unused_expensive_entry_is_evicted),
		cmocka_unit_test(a_wrong_guess_of_sizes_costs_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
