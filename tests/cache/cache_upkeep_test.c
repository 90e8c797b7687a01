/* Maintenance and resizing: expired entries are removed in steps or at once, entries beyond the new
 * bound are evicted, pinned ones stay, and the memory is returned to the system. */
#include "cache/cache_fixture.h"
#include "cache/resident_memory.h"
#include "cache/cache_check.h"
#include "engine/shard.h"
#include "support/random.h"

#include <stdio.h>

#define MIB (UINT64_C(1) << 20)

/* ---- Maintenance ---- */

static void put_timed(struct sc_cache *cache, uint64_t key, int64_t ttl_ms)
{
	assert_int_equal(
		sc_cache_put_with(cache, SC_KEY(key), "x", 1, SC_PUT_OPTIONS(.ttl_ms = ttl_ms)),
		SC_OK);
}

static void nothing_to_do(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	assert_int_equal(sc_cache_maintain(cache, 0), 0);
	assert_int_equal(sct_put(cache, SC_KEY(1), "x"), SC_OK);
	assert_int_equal(sc_cache_maintain(cache, 0), 0);
	assert_int_equal(sc_cache_maintain(cache, UINT64_MAX), 0);
	sct_assert_get(cache, SC_KEY(1), "x");
	sc_cache_close(cache);
}

static void maintenance_removes_expired_entries_and_no_others(void **state)
{
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.clock = sct_clock_of(&now_ms)));

	(void)state;
	for (uint64_t key = 0; key < 1000; key++)
		put_timed(cache, key, 1 + (int64_t)key);
	for (uint64_t key = 1000; key < 1100; key++)
		assert_int_equal(sct_put(cache, SC_KEY(key), "x"), SC_OK);
	for (int step = 0; step <= 10; step++) {
		now_ms = step * 100;
		assert_int_equal(sc_cache_maintain(cache, 60000), 0);
		assert_int_equal(sct_stats(cache).reclaimed, step * 100);
		assert_int_equal(sct_stats(cache).entries, 1100 - step * 100);
	}
	now_ms = 1000000;
	assert_int_equal(sc_cache_maintain(cache, 60000), 0);
	assert_int_equal(sct_stats(cache).entries, 100);
	assert_int_equal(sct_stats(cache).evictions, 0);
	sc_cache_close(cache);
}

/* Without a budget, a call does a part of the work, and its result says that there is more. */
static void a_budget_that_is_too_short(void **state)
{
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.clock = sct_clock_of(&now_ms)));
	unsigned calls = 0;

	(void)state;
	for (uint64_t key = 0; key < 10000; key++)
		put_timed(cache, key, 10);
	now_ms = 10;
	for (uint64_t entries = 10000; sc_cache_maintain(cache, 0) == 1; calls++) {
		/* A step examines slots of the index, most of which are empty here. */
		assert_true(sct_stats(cache).entries <= entries);
		entries = sct_stats(cache).entries;
	}
	assert_int_equal(sct_stats(cache).entries, 0);
	assert_int_equal(sct_stats(cache).bytes, 0);
	assert_true(calls > 10);
	assert_int_equal(sc_cache_maintain(cache, 0), 0);
	sc_cache_close(cache);
}

/* ---- A million entries, all due at once ---- */

#ifdef __SANITIZE_THREAD__ /* slow there, and the test has one thread */
#define MANY 50000
#else
#define MANY 1000000
#endif
#define PUTS (MANY / 50)

static struct sc_cache *cache_with_many_due(_Atomic int64_t *now_ms, uint64_t policy)
{
	struct sc_cache *cache = sct_cache_open(
		SC_CACHE_OPTIONS(.max_entries = MANY + MANY / 4, .max_bytes = 128 * MIB,
			.ttl_ms = 1000, .policy = policy, .clock = sct_clock_of(now_ms)));

	for (uint64_t key = 0; key < MANY; key++)
		assert_int_equal(sct_put(cache, SC_KEY(key), "x"), SC_OK);
	assert_int_equal(sct_stats(cache).entries, MANY);
	*now_ms = 1000;
	return cache;
}

/* A put removes few expired entries and moves few bytes, so none is slow. */
static void one_put_expires_few_entries(void **state)
{
	(void)state;
	for (uint64_t policy = SC_POLICY_ADAPTIVE; policy <= SC_POLICY_LRU; policy++) {
		_Atomic int64_t now_ms = 0;
		struct sc_cache *cache = cache_with_many_due(&now_ms, policy);
		uint64_t before = 0, most = 0, moved = sct_stats(cache).moved_bytes;
		for (uint64_t key = MANY; key < MANY + PUTS; key++) {
			assert_int_equal(sct_put(cache, SC_KEY(key), "x"), SC_OK);
			uint64_t reclaimed = sct_stats(cache).reclaimed;
			if (reclaimed - before > most)
				most = reclaimed - before;
			before = reclaimed;
		}
		struct sc_cache_stats stats = sct_stats(cache);
		printf("%llu at most for one put, %llu for all; %llu bytes moved\n",
			(unsigned long long)most, (unsigned long long)before,
			(unsigned long long)(stats.moved_bytes - moved));
		assert_in_range(most, 1, 2);
		/* On average a put removes more entries than it adds. */
		assert_true(before > PUTS);
		assert_int_equal(stats.evictions, 0);
		assert_int_equal(sc_cache_maintain(cache, 60000), 0);
		stats = sct_stats(cache);
		assert_int_equal(stats.entries, PUTS);
		assert_int_equal(stats.reclaimed, MANY);
		assert_int_equal(stats.expired, 0);
		sc_cache_close(cache);
	}
}

static void maintenance_removes_all_expired_entries(void **state)
{
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache = cache_with_many_due(&now_ms, SC_POLICY_ADAPTIVE);

	(void)state;
	assert_int_equal(sc_cache_maintain(cache, 0), 1);
	assert_in_range(sct_stats(cache).entries, 1, MANY - 1);
	assert_int_equal(sc_cache_maintain(cache, 60000), 0);
	assert_int_equal(sct_stats(cache).entries, 0);
	assert_int_equal(sct_stats(cache).bytes, 0);
	assert_int_equal(sct_stats(cache).reclaimed, MANY);
	sct_assert_cache_valid(cache);
	sc_cache_close(cache);
}

/* ---- New bounds ---- */

static void put_sized(struct sc_cache *cache, uint64_t key, size_t len)
{
	static unsigned char value[20000];

	sct_fill(value, len, key);
	assert_int_equal(sc_cache_put(cache, SC_KEY("sized", key), value, len), SC_OK);
}

/* Check the values that are cached, and return their number. */
static uint64_t count_of_sized(struct sc_cache *cache, uint64_t keys, size_t len)
{
	uint64_t count = 0;

	for (uint64_t key = 0; key < keys; key++) {
		struct sc_value value;
		if (sc_cache_acquire(cache, SC_KEY("sized", key), &value) == SC_HIT) {
			assert_int_equal(value.len, len);
			assert_true(sct_is_filled(value.data, len, key));
			count++;
		}
		sc_value_release(&value);
	}
	return count;
}

static void assert_within(struct sc_cache *cache, uint64_t max_bytes)
{
	struct sc_cache_stats stats = sct_stats(cache);

	assert_int_equal(stats.max_bytes, max_bytes);
	assert_true(stats.bytes <= max_bytes);
	assert_int_equal(sct_resident_from(cache, max_bytes), 0);
	sct_assert_cache_valid(cache);
}

static void the_bound_on_bytes_goes_down_and_up(void **state)
{
	(void)state;
	for (uint64_t policy = SC_POLICY_ADAPTIVE; policy <= SC_POLICY_LRU; policy++) {
		struct sc_cache *cache =
			sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 8 * MIB, .policy = policy));
		for (uint64_t key = 0; key < 10000; key++)
			put_sized(cache, key, 1000);
		uint64_t full = count_of_sized(cache, 10000, 1000);
		size_t before = sct_resident(cache);
		assert_int_equal(sc_cache_resize(cache, 0, 2 * MIB, NULL), 0);
		assert_within(cache, 2 * MIB);
		printf("resident: %zu, then %zu\n", before, sct_resident(cache));
		assert_true(before > 7 * MIB);
		assert_true(sct_resident(cache) <= 2 * MIB);
		uint64_t fewer = count_of_sized(cache, 10000, 1000);
		assert_in_range(fewer, full / 6, full / 4);
		assert_int_equal(fewer, sct_stats(cache).entries);
		/* It works with the new bound, and grows to the old one. */
		for (uint64_t key = 0; key < 10000; key++)
			put_sized(cache, key, 1000);
		assert_within(cache, 2 * MIB);
		assert_int_equal(sc_cache_resize(cache, 0, 8 * MIB, NULL), 0);
		assert_int_equal(sct_stats(cache).entries, count_of_sized(cache, 10000, 1000));
		for (uint64_t key = 0; key < 10000; key++)
			put_sized(cache, key, 1000);
		assert_in_range(count_of_sized(cache, 10000, 1000), full - full / 20,
			full + full / 20);
		sc_cache_close(cache);
	}
}

/* With exact LRU the least recently used entries are evicted. */
static void the_bound_on_entries_goes_down_and_up(void **state)
{
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 100, .policy = SC_POLICY_LRU));

	(void)state;
	for (uint64_t key = 0; key < 100; key++)
		put_sized(cache, key, 10);
	assert_int_equal(sc_cache_resize(cache, 30, 0, NULL), 0);
	assert_int_equal(sct_stats(cache).max_entries, 30);
	assert_int_equal(sct_stats(cache).max_bytes, 64 * MIB);
	assert_int_equal(sct_stats(cache).entries, 30);
	assert_int_equal(sct_stats(cache).evictions, 70);
	assert_int_equal(count_of_sized(cache, 70, 10), 0);
	assert_int_equal(count_of_sized(cache, 100, 10), 30);
	for (uint64_t key = 100; key < 200; key++)
		put_sized(cache, key, 10);
	assert_int_equal(sct_stats(cache).entries, 30);
	assert_int_equal(sc_cache_resize(cache, 100, 0, NULL), 0);
	for (uint64_t key = 200; key < 400; key++)
		put_sized(cache, key, 10);
	assert_int_equal(sct_stats(cache).entries, 100);
	/* Bounds of 0 change nothing. */
	assert_int_equal(sc_cache_resize(cache, 0, 0, NULL), 0);
	assert_int_equal(sct_stats(cache).entries, 100);
	assert_int_equal(sct_stats(cache).max_entries, 100);
	sc_cache_close(cache);
}

static void a_cache_grows_up_to_its_grow_options(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 100,
		.grow_entries = 5000, .max_bytes = MIB, .grow_bytes = 8 * MIB));

	(void)state;
	for (uint64_t key = 0; key < 10000; key++)
		put_sized(cache, key, 1000);
	assert_int_equal(sct_stats(cache).entries, 100);
	assert_within(cache, MIB);
	assert_int_equal(sc_cache_resize(cache, 5000, 0, NULL), 0);
	for (uint64_t key = 0; key < 10000; key++)
		put_sized(cache, key, 1000);
	assert_in_range(sct_stats(cache).entries, 600, 1000);
	assert_within(cache, MIB);
	assert_int_equal(sc_cache_resize(cache, 0, 8 * MIB, NULL), 0);
	for (uint64_t key = 0; key < 10000; key++)
		put_sized(cache, key, 1000);
	assert_int_equal(sct_stats(cache).entries, 5000);
	assert_int_equal(sct_stats(cache).forgotten, 0);
	assert_int_equal(count_of_sized(cache, 10000, 1000), 5000);
	sc_cache_close(cache);
}

static void bounds_that_are_refused(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 100,
		.grow_entries = 200, .max_bytes = MIB, .grow_bytes = 2 * MIB));

	(void)state;
	for (uint64_t key = 0; key < 200; key++)
		put_sized(cache, key, 1000);
	sct_assert_no_resize(cache, 201, 0,
		"max_entries is 201, but this cache was opened to grow to 200 at most: see "
		"grow_entries");
	sct_assert_no_resize(cache, 10, 2 * MIB + 1,
		"max_bytes is 2097153, but this cache was opened to grow to 2097152 at most: see "
		"grow_bytes");
	sct_assert_no_resize(cache, UINT64_MAX, UINT64_MAX,
		"max_entries is 18446744073709551615, but this cache was opened to grow to 200 at "
		"most: see grow_entries");
	uint64_t least = sci_shard_bytes_least(cache->stripes[0].shard);
	sct_assert_least_bytes(cache, 10, least);
	/* With the least bound the cache still works, for one or two entries. */
	assert_int_equal(sc_cache_resize(cache, 0, least, NULL), 0);
	assert_within(cache, least);
	assert_int_equal(sct_put(cache, SC_KEY(1), "x"), SC_OK);
	sct_assert_get(cache, SC_KEY(1), "x");
	sc_cache_close(cache);
}

static void growth_that_is_refused(void **state)
{
	struct sc_error error = { 0 };
	struct sc_cache *cache;

	(void)state;
	assert_int_equal(
		sc_cache_open(&cache, SC_CACHE_OPTIONS(.max_bytes = MIB, .grow_bytes = 9), &error),
		SC_E_INVAL);
	assert_null(cache);
	assert_string_equal(error.message,
		"grow_bytes is 9, which is less than max_bytes, 1048576");
	assert_int_equal(sc_cache_open(&cache,
				 SC_CACHE_OPTIONS(.max_entries = 9, .grow_entries = 8), &error),
		SC_E_INVAL);
	assert_string_equal(error.message, "grow_entries is 8, which is less than max_entries, 9");
	/* The index alone would take more than max_bytes. */
	assert_int_equal(sc_cache_open(&cache,
				 SC_CACHE_OPTIONS(.max_bytes = 16 << 10, .grow_bytes = 64 * MIB),
				 &error),
		SC_E_INVAL);
	assert_null(cache);
	assert_non_null(strstr(error.message, "max_bytes is 16384, but an index"));
}

/* ---- Pinned values ---- */

#define PINS 20

static void assert_held(const struct sc_value *held)
{
	for (uint64_t i = 0; i < PINS; i++) {
		assert_int_equal(held[i].len, 5000);
		assert_true(sct_is_filled(held[i].data, 5000, i * 30));
	}
}

/* Values are pinned in the whole region, which becomes smaller than their offsets. */
static void pinned_values_stay_where_they_are(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 4 * MIB));
	const uint64_t smaller = 400 << 10;
	const void *places[PINS];
	struct sc_value held[PINS];

	(void)state;
	for (uint64_t key = 0; key < 650; key++)
		put_sized(cache, key, 5000);
	for (uint64_t i = 0; i < PINS; i++) {
		assert_int_equal(sc_cache_acquire(cache, SC_KEY("sized", i * 30), &held[i]),
			SC_HIT);
		places[i] = held[i].data;
	}
	assert_int_equal(sc_cache_resize(cache, 0, 64 << 10, NULL), SC_E_INVAL);
	assert_int_equal(sc_cache_resize(cache, 0, smaller, NULL), 0);
	assert_int_equal(sct_stats(cache).max_bytes, smaller);
	sct_assert_cache_valid(cache);
	assert_held(held);
	/* The statistics keep to the bound; the pinned pages stay in memory. */
	assert_true(sct_resident_from(cache, smaller) > 0);
	assert_int_equal(sct_stats(cache).pinned, PINS);
	for (uint64_t key = 1000; key < 1200; key++) {
		put_sized(cache, key, 1000);
		assert_true(sct_stats(cache).bytes <= smaller);
	}
	assert_held(held);
	assert_int_equal(sc_cache_maintain(cache, 1000), 0);
	assert_held(held);
	for (uint64_t i = 0; i < PINS; i++) {
		assert_ptr_equal(held[i].data, places[i]);
		sc_value_release(&held[i]);
	}
	assert_int_equal(sc_cache_maintain(cache, 1000), 0);
	assert_within(cache, smaller);
	assert_int_equal(sct_stats(cache).pinned, 0);
	sc_cache_close(cache);
}

/* Pinned values alone exceed the bound: no other value is stored, and growing again loses no pinned
 * one. */
static void pinned_values_that_are_more_than_the_bound(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 4 * MIB));
	struct sc_value held[PINS];

	(void)state;
	for (uint64_t key = 0; key < 650; key++)
		put_sized(cache, key, 5000);
	for (uint64_t i = 0; i < PINS; i++)
		assert_int_equal(sc_cache_acquire(cache, SC_KEY("sized", i * 30), &held[i]),
			SC_HIT);
	uint64_t least = sci_shard_bytes_least(cache->stripes[0].shard);
	assert_int_equal(sc_cache_resize(cache, 0, least, NULL), 0);
	assert_held(held);
	for (uint64_t key = 1000; key < 1010; key++)
		assert_int_equal(sc_cache_put(cache, SC_KEY("sized", key), "x", 1), SC_E_NOMEM);
	sct_assert_cache_valid(cache);
	assert_int_equal(sc_cache_resize(cache, 0, 4 * MIB, NULL), 0);
	for (uint64_t key = 1000; key < 5000; key++)
		put_sized(cache, key, 5000);
	assert_held(held);
	assert_int_equal(sc_cache_resize(cache, 0, least, NULL), 0);
	for (uint64_t i = 0; i < PINS; i++)
		sc_value_release(&held[i]);
	assert_int_equal(sc_cache_maintain(cache, 0), 0);
	assert_within(cache, least);
	assert_int_equal(sct_put(cache, SC_KEY("after"), "x"), SC_OK);
	sc_cache_close(cache);
}

/* ---- At random ---- */

static void random_resizes_puts_and_pins_keep_the_bounds(void **state)
{
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache = sct_cache_open(
		SC_CACHE_OPTIONS(.max_entries = 500, .grow_entries = 2000, .max_bytes = 512 << 10,
			.grow_bytes = 2 * MIB, .ttl_ms = 1000, .clock = sct_clock_of(&now_ms)));
	struct sc_value held[4] = { 0 };
	uint64_t random = 5, keys[4] = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++) {
		uint64_t key = sct_below(&random, 1000), at = sct_below(&random, 4);
		uint64_t what = sct_below(&random, 100);
		if (what < 60)
			put_sized(cache, key, 1500);
		else if (what < 80)
			now_ms += (int64_t)sct_below(&random, 20);
		else if (what < 94) {
			if (held[at].data)
				assert_true(sct_is_filled(held[at].data, 1500, keys[at]));
			sc_value_release(&held[at]);
			sc_cache_acquire(cache, SC_KEY("sized", key), &held[at]);
			keys[at] = key;
		} else if (what < 97) {
			sc_cache_maintain(cache, sct_below(&random, 2));
		} else {
			uint64_t bytes = (128 << 10) + sct_below(&random, 2 * MIB - (128 << 10));
			assert_int_equal(
				sc_cache_resize(cache, 1 + sct_below(&random, 2000), bytes, NULL),
				0);
			sct_assert_cache_valid(cache);
		}
		struct sc_cache_stats stats = sct_stats(cache);
		assert_true(stats.entries <= stats.max_entries);
		assert_true(stats.bytes <= stats.max_bytes);
	}
	for (int i = 0; i < 4; i++)
		sc_value_release(&held[i]);
	sc_cache_maintain(cache, 0);
	assert_within(cache, sct_stats(cache).max_bytes);
	count_of_sized(cache, 1000, 1500);
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(maintenance_removes_expired_entries_and_no_others),
		cmocka_unit_test(a_budget_that_is_too_short),
		cmocka_unit_test(one_put_expires_few_entries),
		cmocka_unit_test(maintenance_removes_all_expired_entries),
		cmocka_unit_test(the_bound_on_bytes_goes_down_and_up),
		cmocka_unit_test(the_bound_on_entries_goes_down_and_up),
		cmocka_unit_test(a_cache_grows_up_to_its_grow_options),
		cmocka_unit_test(bounds_that_are_refused),
		cmocka_unit_test(growth_that_is_refused),
		cmocka_unit_test(pinned_values_stay_where_they_are),
		cmocka_unit_test(pinned_values_that_are_more_than_the_bound),
		cmocka_unit_test(random_resizes_puts_and_pins_keep_the_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
