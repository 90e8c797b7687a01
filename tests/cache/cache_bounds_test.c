/* The bounds of a cache are exact: never more entries than max_entries, and never a page outside
 * the region. An unused cache uses few pages. */
#include "cache/cache_fixture.h"
#include "cache/resident_memory.h"
#include "cache/cache_check.h"
#include "support/random.h"

#include <stdio.h>

/* What the process has in memory, by its page tables: an old kernel adds to the count in statm only
 * from time to time. */
static size_t process_bytes(void)
{
	char line[256];
	size_t kb = 0;
	FILE *file = fopen("/proc/self/smaps_rollup", "r");

	if (!file)
		file = fopen("/proc/self/smaps", "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file))
		if (strncmp(line, "Rss:", 4) == 0)
			kb += strtoul(line + 4, NULL, 10);
	fclose(file);
	assert_true(kb > 0);
	return kb * 1024;
}

static void opening_populates_few_pages(void **state)
{
	const uint64_t sizes[] = { 16 << 10, 1 << 20, 64 << 20, 1 << 30 };

	(void)state;
	/* The first cache and the first line of output allocate memory once, which is not
	 * measured. */
	sc_cache_close(sct_cache_open(NULL));
	printf("the process has %zu bytes\n", process_bytes());
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t before = process_bytes();
		struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = sizes[i],
			.grow_bytes = i % 2 ? sizes[i] * 2 : 0));
		size_t after = process_bytes();
		printf("%llu bytes: region %zu, process %zd\n", (unsigned long long)sizes[i],
			sct_resident(cache), (ssize_t)(after - before));
		assert_in_range(sct_resident(cache), 1, 16 << 10);
/* ThreadSanitizer's shadow is many times the memory, and an emulator's tables are its own. */
#if !defined(__SANITIZE_THREAD__) && !defined(SCT_EMULATED)
		assert_true(after < before + (100 << 10));
#endif
		sc_cache_close(cache);
	}
}

static void few_entries_use_few_pages(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 128));
	char value[200] = "";

	(void)state;
	for (int i = 0; i < 50000; i++)
		assert_int_equal(sc_cache_put(cache, SC_KEY("user", i), value, sizeof value),
			SC_OK);
	/* 128 x 256 bytes, their index, and the free space of the log. */
	assert_true(sct_resident(cache) < 128 << 10);
	sc_cache_close(cache);
}

/* Turn a cache over many times with values of all sizes: it fills its region and nothing else. */
static void a_full_cache_stays_in_its_region(void **state)
{
	const uint64_t bytes = 4 << 20;
	static unsigned char value[200000];
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = bytes));
	uint64_t random = 1, stored = 0;

	(void)state;
	memset(value, 1, sizeof value);
	size_t before = process_bytes();
	for (int i = 0; stored < bytes * 20; i++) {
		size_t len = sct_below(&random, i % 50 ? 2000 : sizeof value);
		assert_int_equal(sc_cache_put(cache, SC_KEY("key", i), value, len), SC_OK);
		stored += len;
		assert_true(sct_stats(cache).bytes <= bytes);
	}
	size_t after = process_bytes();
	printf("process %zd, region %zu of %llu, entries %llu\n", (ssize_t)(after - before),
		sct_resident(cache), (unsigned long long)bytes,
		(unsigned long long)sct_stats(cache).entries);
	assert_int_equal(sct_stats(cache).max_bytes, bytes);
	assert_int_equal(cache->region_bytes, bytes);
	sct_assert_cache_valid(cache);
	/* Most of the region holds entries. */
	assert_true(sct_stats(cache).bytes > bytes / 10 * 7);
/* ThreadSanitizer's shadow is many times the memory, and an emulator's tables are its own. */
#if !defined(__SANITIZE_THREAD__) && !defined(SCT_EMULATED)
	/* Add AddressSanitizer's shadow of the region, and the C library's own memory. */
	assert_true(after < before + bytes + bytes / 4 + (256 << 10));
#endif
	sc_cache_close(cache);
}

/* Entries, their metadata and free space stay inside the bound, to the page, also where the region
 * is larger because the cache may grow. */
static void max_bytes_is_exact(void **state)
{
	const uint64_t sizes[] = { 16 << 10, 100001, 1 << 20 };
	static unsigned char value[200000];

	(void)state;
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
		uint64_t bytes = sizes[i / 2], random = i, stored = 0;
		struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = bytes,
			.grow_bytes = i % 2 ? bytes * 4 : 0, .tti_ms = 1000000));
		for (int key = 0; stored < bytes * 10; key++) {
			size_t len = sct_below(&random, key % 50 ? 500 : bytes / 30);
			const struct sc_put_options *options =
				SC_PUT_OPTIONS(.cost = sct_below(&random, 3));
			assert_int_equal(
				sc_cache_put_with(cache, SC_KEY("key", key), value, len, options),
				SC_OK);
			stored += len;
		}
		printf("%llu bytes, %zu of region: %zu resident, %llu of entries\n",
			(unsigned long long)bytes, cache->region_bytes, sct_resident(cache),
			(unsigned long long)sct_stats(cache).bytes);
		assert_in_range(sct_resident(cache), bytes / 2, bytes + 4095);
		assert_int_equal(sct_resident_from(cache, bytes), 0);
		sc_cache_close(cache);
	}
}

/* An eviction moves few bytes, and evicts no more entries than the new value needs. */
static void a_full_cache_moves_few_bytes(void **state)
{
	const uint64_t policies[] = { SC_POLICY_ADAPTIVE, SC_POLICY_LRU };
	static unsigned char value[2000];

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		struct sc_cache *cache = sct_cache_open(
			SC_CACHE_OPTIONS(.max_bytes = 4 << 20, .policy = policies[p]));
		uint64_t random = 1, stored = 0, evicted = 0, most = 0;
		for (int i = 0; i < 20000; i++) {
			size_t len = sct_below(&random, sizeof value);
			assert_int_equal(sc_cache_put(cache, SC_KEY(i), value, len), SC_OK);
			stored += len;
			uint64_t evictions = sct_stats(cache).evictions;
			if (evictions - evicted > most)
				most = evictions - evicted;
			evicted = evictions;
		}
		struct sc_cache_stats stats = sct_stats(cache);
		printf("%.2f bytes moved for each stored; %llu entries went at once\n",
			(double)stats.moved_bytes / (double)stored, (unsigned long long)most);
		assert_true(stats.moved_bytes < 2 * stored);
		/* Far fewer than the smallest values that take the space of the largest one. */
		assert_in_range(most, 1, 20);
		sc_cache_close(cache);
	}
}

static void fill(struct sc_cache *cache, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_int_equal(sc_cache_put(cache, SC_KEY(i), "x", 1), SC_OK);
}

/* Exactly the oldest 1,000 keys were evicted. */
static void assert_the_newest_are_there(struct sc_cache *cache, uint64_t bound)
{
	struct sc_value value;

	for (uint64_t key = 0; key < bound + 1000; key++) {
		int rc = sc_cache_acquire(cache, SC_KEY(key), &value);
		assert_int_equal(rc, key < 1000 ? SC_MISS : SC_HIT);
		sc_value_release(&value);
	}
}

static void max_entries_is_exact(void **state)
{
	const uint64_t bounds[] = { 1, 2, 3, 7, 8, 9, 16, 17, 100, 127, 128, 1000, 4095, 4096, 4097,
		5000, 6553, 6554, 8013, 8193, 10003, 65537 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof bounds / sizeof bounds[0]; i++) {
		uint64_t bound = bounds[i / 2], policy = i % 2 ? SC_POLICY_LRU : SC_POLICY_ADAPTIVE;
		struct sc_cache *cache =
			sct_cache_open(SC_CACHE_OPTIONS(.max_entries = bound, .policy = policy));
		fill(cache, 0, bound);
		assert_int_equal(sct_stats(cache).entries, bound);
		assert_int_equal(sct_stats(cache).evictions, 0);
		fill(cache, bound, bound + 1000);
		struct sc_cache_stats stats = sct_stats(cache);
		assert_int_equal(stats.entries, bound);
		assert_int_equal(stats.evictions, 1000);
		assert_int_equal(stats.forgotten, 0);
		assert_int_equal(stats.max_entries, bound);
		if (policy == SC_POLICY_LRU)
			assert_the_newest_are_there(cache, bound);
		sc_cache_close(cache);
	}
}

/* With small bounds, chance could leave a key without an index slot: each key must get one. */
static void small_caches_drop_no_entry_for_lack_of_an_index_slot(void **state)
{
	(void)state;
	for (uint64_t bound = 1; bound <= 40; bound++) {
		struct sc_cache *cache = sct_cache_open(
			SC_CACHE_OPTIONS(.max_entries = bound, .max_bytes = 64 << 10));
		fill(cache, 0, 20000);
		assert_int_equal(sct_stats(cache).entries, bound);
		assert_int_equal(sct_stats(cache).forgotten, 0);
		sc_cache_close(cache);
	}
}

/* With very many keys, even rare collisions in the index happen. */
static void large_caches_drop_no_entry_for_lack_of_an_index_slot(void **state)
{
#ifdef __SANITIZE_THREAD__ /* slow there, and the test has one thread */
	const uint64_t bound = 50000;
#else
	const uint64_t bound = 1000000;
#endif
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_entries = bound, .max_bytes = 128 << 20));

	(void)state;
	fill(cache, 0, bound + bound / 2);
	assert_int_equal(sct_stats(cache).entries, bound);
	assert_int_equal(sct_stats(cache).forgotten, 0);
	assert_int_equal(sct_stats(cache).evictions, bound / 2);
	sc_cache_close(cache);
}

static void both_bounds_hold(void **state)
{
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 100, .max_bytes = 32 << 10));
	static unsigned char value[1000];

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(sc_cache_put(cache, SC_KEY("large", i), value, sizeof value),
			SC_OK);
	assert_in_range(sct_stats(cache).entries, 15, 31);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(sc_cache_put(cache, SC_KEY("small", i), value, 10), SC_OK);
	assert_int_equal(sct_stats(cache).entries, 100);
	sc_cache_close(cache);
}

/* With a bound on bytes, entry_bytes determines the size of the index. */
static void the_index_fits_the_usual_entry(void **state)
{
	struct sc_cache *small =
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 4 << 20, .entry_bytes = 16));
	struct sc_cache *large =
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 4 << 20, .entry_bytes = 1024));

	(void)state;
	fill(small, 0, 100000);
	fill(large, 0, 100000);
	printf("%llu small entries, %llu where large ones were expected\n",
		(unsigned long long)sct_stats(small).entries,
		(unsigned long long)sct_stats(large).entries);
	assert_true(sct_stats(small).entries > (4 << 20) / 72);
	assert_true(sct_stats(large).entries >= (4 << 20) / (1024 + 48));
	assert_int_equal(sct_stats(small).forgotten, 0);
	assert_int_equal(sct_stats(large).forgotten, 0);
	sc_cache_close(small);
	sc_cache_close(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening_populates_few_pages),
		cmocka_unit_test(few_entries_use_few_pages),
		cmocka_unit_test(a_full_cache_stays_in_its_region),
		cmocka_unit_test(max_bytes_is_exact),
		cmocka_unit_test(a_full_cache_moves_few_bytes),
		cmocka_unit_test(max_entries_is_exact),
		cmocka_unit_test(small_caches_drop_no_entry_for_lack_of_an_index_slot),
		cmocka_unit_test(large_caches_drop_no_entry_for_lack_of_an_index_slot),
		cmocka_unit_test(both_bounds_hold),
		cmocka_unit_test(the_index_fits_the_usual_entry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
