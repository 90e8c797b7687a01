/* Lock striping: the number of shards, their memory, and the bounds of a striped cache. */
#include "cache/striped_cache.h"
#include "cache/fetch_with_loader.h"
#include "cache/handle.h"
#include "cache/options.h"
#include "cache/resident_memory.h"
#include "cache/cache_check.h"
#include "engine/shard.h"
#include "support/random.h"

#include "cache/stripes.h"

#include <stdio.h>

/* ---- The number of stripes ---- */

static const struct {
	uint64_t concurrency, max_entries, max_bytes, grow_entries, grow_bytes;
	uint32_t stripes;
} stripings[] = {
	/* One stripe by default, else the least power of two of at least 4 for each thread. */
	{ 0, 0, 0, 0, 0, 1 },
	{ 1, 0, 0, 0, 0, 1 },
	{ 1, 1 << 20, UINT64_C(1) << 34, 0, 0, 1 },
	{ 2, 0, 0, 0, 0, 8 },
	{ 3, 0, 0, 0, 0, 16 },
	{ 4, 0, 0, 0, 0, 16 },
	{ 5, 0, 0, 0, 0, 32 },
	{ 8, 0, 0, 0, 0, 32 },
	{ 9, 0, 0, 0, 0, 32 },
	{ 1024, 0, UINT64_C(1) << 34, 0, 0, 32 },
	/* At least a MiB each. */
	{ 8, 0, 32 * SCT_MIB, 0, 0, 32 },
	{ 8, 0, 32 * SCT_MIB - 1, 0, 0, 16 },
	{ 8, 0, 4 * SCT_MIB, 0, 0, 4 },
	{ 8, 0, 2 * SCT_MIB, 0, 0, 2 },
	{ 8, 0, 2 * SCT_MIB - 1, 0, 0, 1 },
	{ 1024, 0, 16 << 10, 0, 0, 1 },
	/* At least 1,024 entries each. */
	{ 8, 32768, 0, 0, 0, 32 },
	{ 8, 32767, 0, 0, 0, 16 },
	{ 2, 8192, 0, 0, 0, 8 },
	{ 2, 8191, 0, 0, 0, 4 },
	{ 8, 2048, 0, 0, 0, 2 },
	{ 8, 2047, 0, 0, 0, 1 },
	{ 1024, 1, 0, 0, 0, 1 },
	/* Both bounds count; the grow options do not. */
	{ 8, 1 << 20, 4 * SCT_MIB, 0, 0, 4 },
	{ 8, 4096, 1 << 30, 0, 0, 4 },
	{ 8, 0, 2 * SCT_MIB, 0, 64 * SCT_MIB, 2 },
	{ 8, 2048, 0, 1 << 20, 0, 2 },
};

static void the_options_determine_the_number_of_stripes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof stripings / sizeof stripings[0]; i++) {
		struct sc_cache_options checked;
		assert_int_equal(sci_cache_options_read(&checked,
					 SC_CACHE_OPTIONS(.concurrency = stripings[i].concurrency,
						 .max_entries = stripings[i].max_entries,
						 .max_bytes = stripings[i].max_bytes,
						 .grow_entries = stripings[i].grow_entries,
						 .grow_bytes = stripings[i].grow_bytes),
					 NULL),
			0);
		assert_int_equal(sci_stripes_for(&checked), stripings[i].stripes);
	}
}

static void concurrency_has_a_limit(void **state)
{
	struct sc_error error = { 0 };
	struct sc_cache *cache;

	(void)state;
	assert_int_equal(sc_cache_open(&cache, SC_CACHE_OPTIONS(.concurrency = 1025), &error),
		SC_E_INVAL);
	assert_null(cache);
	assert_string_equal(error.message, "concurrency is 1025, but must be between 1 and 1024");
	cache = sct_cache_open(SC_CACHE_OPTIONS(.concurrency = 1024));
	assert_int_equal(cache->stripe_count, SCI_STRIPES_MAX);
	sc_cache_close(cache);
}

/* ---- Their memory ---- */

static void assert_shards_are_apart(const struct sc_cache *cache, uint64_t max_bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t sum = 0;

	assert_int_equal(cache->shard_bytes % page, 0);
	assert_true(cache->shard_bytes * cache->stripe_count <= cache->region_bytes);
	for (uint32_t i = 0; i < cache->stripe_count; i++) {
		const char *shard = (const char *)cache->stripes[i].shard;
		assert_ptr_equal(shard, (const char *)cache->region + i * cache->shard_bytes);
		assert_int_equal((uintptr_t)shard % page, 0);
		assert_true(sci_shard_bytes(cache->stripes[i].shard) <= cache->shard_bytes);
		sum += sci_shard_bytes(cache->stripes[i].shard);
	}
	assert_true(sum <= max_bytes);
}

static void fill(struct sc_cache *cache, uint64_t bytes)
{
	static unsigned char value[20000];
	uint64_t random = bytes, stored = 0;

	for (uint64_t key = 0; stored < bytes; key++) {
		size_t len = sct_below(&random, key % 50 ? 2000 : sizeof value);
		assert_int_equal(sc_cache_put(cache, SC_KEY("key", key), value, len), SC_OK);
		stored += len;
	}
}

/* The bounds hold to the page, whatever the remainder, also where the region is larger because the
 * cache may grow. */
static void all_stripes_are_inside_the_bound(void **state)
{
	const uint64_t sizes[] = { 2 * SCT_MIB, 4 * SCT_MIB + 1, 8 * SCT_MIB + 12345 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
		uint64_t bytes = sizes[i / 2], grow = i % 2 ? bytes * 2 : 0;
		struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = bytes,
			.grow_bytes = grow, .concurrency = 1024));
		assert_int_equal(cache->stripe_count, 2 << i / 2);
		assert_int_equal(cache->region_bytes, i % 2 ? grow : bytes);
		assert_shards_are_apart(cache, bytes);
		/* Opening touches few pages of each. */
		assert_true(sct_resident(cache) <= cache->stripe_count * (16 << 10));
		fill(cache, bytes * 3);
		printf("%llu bytes, %zu of region: %zu resident, %llu of entries\n",
			(unsigned long long)bytes, cache->region_bytes, sct_resident(cache),
			(unsigned long long)sct_stats(cache).bytes);
		assert_in_range(sct_resident(cache), bytes / 2, bytes);
		assert_in_range(sct_stats(cache).bytes, bytes / 2, bytes);
		assert_int_equal(sct_stats(cache).max_bytes, bytes);
		sct_assert_cache_valid(cache);
		sc_cache_close(cache);
	}
}

/* A locked stripe does not delay calls on the others. */
static void one_lock_does_not_block_the_others(void **state)
{
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 4 * SCT_MIB, .concurrency = 8));
	uint64_t key = sct_key_in(cache, 1, 0), absent = sct_key_in(cache, 1, key + 1);
	struct sc_value value;

	(void)state;
	sci_stripe_lock(&cache->stripes[0]);
	assert_int_equal(sct_put(cache, SC_KEY(key), "x"), SC_OK);
	sct_assert_get(cache, SC_KEY(key), "x");
	assert_int_equal(sc_cache_acquire(cache, SC_KEY(key), &value), SC_HIT);
	sc_value_release(&value);
	assert_int_equal(sc_cache_invalidate(cache, SC_KEY(absent)), SC_MISS);
	sci_stripe_unlock(&cache->stripes[0]);
	sc_cache_close(cache);
}

/* ---- The bound on entries ---- */

static void put_at_random(struct sc_cache *cache, uint64_t *random, uint64_t count, uint64_t bound)
{
	for (uint64_t i = 0; i < count; i++) {
		assert_int_equal(sct_put(cache, SC_KEY(sct_below(random, UINT64_MAX)), "x"), SC_OK);
		if (i % 64 == 0)
			assert_true(sct_stats(cache).entries <= bound);
	}
}

static void entries_come_near_their_bound_and_never_exceed_it(void **state)
{
	const uint64_t bounds[] = { 2048, 10007, 40009 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof bounds / sizeof bounds[0]; i++) {
		uint64_t bound = bounds[i / 2], random = bound;
		struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = bound,
			.concurrency = 1024, .policy = i % 2 ? SC_POLICY_LRU : SC_POLICY_ADAPTIVE));
		assert_true(cache->stripe_count > 1);
		put_at_random(cache, &random, bound, bound);
		uint64_t first = sct_stats(cache).entries;
		put_at_random(cache, &random, bound, bound);
		struct sc_cache_stats stats = sct_stats(cache);
		printf("%u stripes, %llu entries: %llu, then %llu\n", cache->stripe_count,
			(unsigned long long)bound, (unsigned long long)first,
			(unsigned long long)stats.entries);
		assert_true(first > bound / 100 * 95);
		/* By now each shard has got more entries than its part of the bound. */
		assert_int_equal(stats.entries, bound);
		assert_int_equal(stats.evictions + stats.entries, 2 * bound);
		assert_int_equal(stats.forgotten, 0);
		assert_int_equal(stats.max_entries, bound);
		sct_assert_cache_valid(cache);
		sc_cache_close(cache);
	}
}

/* ---- Values larger than a shard ---- */

static unsigned char large[3 * SCT_MIB / 2];

static int load_large(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_set_value(load, large, sizeof large);
}

static void a_value_larger_than_a_shard_is_refused(void **state)
{
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 4 * SCT_MIB, .concurrency = 2));
	const struct sc_object object = { .pointer = large, .weight = sizeof large };
	struct sc_value value;

	(void)state;
	sct_fill(large, sizeof large, 1);
	assert_int_equal(sct_put(cache, SC_KEY("large"), "x"), SC_OK);
	assert_int_equal(sc_cache_put(cache, SC_KEY("large"), large, sizeof large), SC_E_TOO_LARGE);
	sct_assert_get(cache, SC_KEY("large"), NULL);
	assert_int_equal(sc_cache_put_object(cache, SC_KEY("large"), &object, NULL),
		SC_E_TOO_LARGE);
	/* The caller of a fetch gets the value even if it is not stored. */
	assert_int_equal(sct_fetch(cache, SC_KEY("large"), load_large, NULL, &value, NULL),
		SC_LOADED);
	assert_int_equal(value.len, sizeof large);
	assert_true(sct_is_filled(value.data, value.len, 1));
	sc_value_release(&value);
	sct_assert_get(cache, SC_KEY("large"), NULL);
	assert_int_equal(sct_stats(cache).rejected, 3);
	assert_int_equal(sct_stats(cache).entries, 0);
	assert_int_equal(sc_cache_put(cache, SC_KEY("large"), large, SCT_MIB / 2), SC_OK);
	sc_cache_close(cache);
	/* It fits into a cache of the same size with one shard. */
	cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 4 * SCT_MIB));
	assert_int_equal(sc_cache_put(cache, SC_KEY("large"), large, sizeof large), SC_OK);
	sc_cache_close(cache);
}

/* ---- New bounds ---- */

static void put_sized(struct sc_cache *cache, uint64_t keys)
{
	unsigned char value[1000];

	for (uint64_t key = 0; key < keys; key++) {
		sct_fill(value, sizeof value, key);
		assert_int_equal(sc_cache_put(cache, SC_KEY(key), value, sizeof value), SC_OK);
	}
}

static void assert_within(struct sc_cache *cache, uint64_t max_bytes, uint64_t keys)
{
	unsigned char value[1000];
	uint64_t count = 0;
	size_t len;

	for (uint64_t key = 0; key < keys; key++) {
		if (sc_cache_get(cache, SC_KEY(key), value, sizeof value, &len) != SC_HIT)
			continue;
		assert_int_equal(len, sizeof value);
		assert_true(sct_is_filled(value, len, key));
		count++;
	}
	assert_int_equal(sct_stats(cache).entries, count);
	assert_int_equal(sct_stats(cache).max_bytes, max_bytes);
	assert_true(sct_stats(cache).bytes <= max_bytes);
	assert_true(sct_resident(cache) <= max_bytes);
	assert_shards_are_apart(cache, max_bytes);
	sct_assert_cache_valid(cache);
}

static void the_bound_on_bytes_goes_down_and_up(void **state)
{
	enum { KEYS = 20000 };
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 8 * SCT_MIB,
		.grow_bytes = 16 * SCT_MIB + 999, .entry_bytes = 1000, .concurrency = 1024));
	const uint64_t bounds[] = { 3 * SCT_MIB + 77, 8 * SCT_MIB, 16 * SCT_MIB + 999,
		4 * SCT_MIB };

	(void)state;
	assert_int_equal(cache->stripe_count, 8);
	put_sized(cache, KEYS);
	assert_within(cache, 8 * SCT_MIB, KEYS);
	for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
		assert_int_equal(sc_cache_resize(cache, 0, bounds[i], NULL), 0);
		assert_within(cache, bounds[i], KEYS);
		put_sized(cache, KEYS);
		assert_within(cache, bounds[i], KEYS);
		assert_true(sct_stats(cache).bytes > bounds[i] / 10 * 7);
	}
	sc_cache_close(cache);
}

static void the_bound_on_entries_goes_down_and_up(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 4096,
		.grow_entries = 9999, .max_bytes = 16 * SCT_MIB, .concurrency = 1024));
	const uint64_t bounds[] = { 9999, 1001, 4, 7, 4096 };
	uint64_t random = 1;

	(void)state;
	assert_int_equal(cache->stripe_count, 4);
	for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
		put_at_random(cache, &random, 2 * 9999, sct_stats(cache).max_entries);
		assert_int_equal(sct_stats(cache).entries, sct_stats(cache).max_entries);
		assert_int_equal(sc_cache_resize(cache, bounds[i], 0, NULL), 0);
		assert_int_equal(sct_stats(cache).max_entries, bounds[i]);
		assert_true(sct_stats(cache).entries <= bounds[i]);
		sct_assert_cache_valid(cache);
	}
	sc_cache_close(cache);
}

static void bounds_that_are_refused(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 32768,
		.max_bytes = 32 * SCT_MIB, .concurrency = 8));

	(void)state;
	assert_int_equal(cache->stripe_count, 32);
	put_sized(cache, 5000);
	sct_assert_no_resize(cache, 31, 0,
		"max_entries is 31, but this cache was opened for several threads and needs at "
		"least 32");
	sct_assert_no_resize(cache, 31, 16 * SCT_MIB,
		"max_entries is 31, but this cache was opened for several threads and needs at "
		"least 32");
	sct_assert_no_resize(cache, 0, 32 * SCT_MIB + 1,
		"max_bytes is 33554433, but this cache was opened to grow to 33554432 at most: see "
		"grow_bytes");
	uint64_t least = sci_stripes_bytes_least(cache);
	assert_true(least >= 32 * sci_shard_bytes_least(cache->stripes[31].shard));
	sct_assert_least_bytes(cache, 32, least);
	/* With the least bounds each shard still stores an entry. */
	assert_int_equal(sc_cache_resize(cache, 32, least, NULL), 0);
	assert_within(cache, least, 5000);
	for (uint32_t i = 0; i < 32; i++) {
		uint64_t key = sct_key_in(cache, i, 5000);
		assert_int_equal(sct_put(cache, SC_KEY(key), "x"), SC_OK);
		sct_assert_get(cache, SC_KEY(key), "x");
	}
	assert_int_equal(sct_stats(cache).entries, 32);
	sct_assert_cache_valid(cache);
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_options_determine_the_number_of_stripes),
		cmocka_unit_test(concurrency_has_a_limit),
		cmocka_unit_test(all_stripes_are_inside_the_bound),
		cmocka_unit_test(one_lock_does_not_block_the_others),
		cmocka_unit_test(entries_come_near_their_bound_and_never_exceed_it),
		cmocka_unit_test(a_value_larger_than_a_shard_is_refused),
		cmocka_unit_test(the_bound_on_bytes_goes_down_and_up),
		cmocka_unit_test(the_bound_on_entries_goes_down_and_up),
		cmocka_unit_test(bounds_that_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
