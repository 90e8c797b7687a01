/* A cache used by one thread: a get returns what was put, for the documented time. */
#include "cache/cache_fixture.h"

#include <stdio.h>

/* Values above this are copied without the lock. */
#define COPY_LOCKED_MAX 4096u

static void a_get_returns_the_value_that_was_put(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	sct_assert_get(cache, SC_KEY("a", 1), NULL);
	assert_int_equal(sct_put(cache, SC_KEY("a", 1), "first"), SC_OK);
	sct_assert_get(cache, SC_KEY("a", 1), "first");
	assert_int_equal(sct_put(cache, SC_KEY("a", 1), "the second"), SC_OK);
	sct_assert_get(cache, SC_KEY("a", 1), "the second");
	assert_int_equal(sct_put(cache, SC_KEY("a", 1), ""), SC_OK);
	sct_assert_get(cache, SC_KEY("a", 1), "");
	sct_assert_get(cache, SC_KEY("a"), NULL);
	assert_int_equal(sct_stats(cache).entries, 1);
	sc_cache_close(cache);
}

static void key_and_value_are_copied(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	char name[] = "name", text[] = "text";

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(name), text), SC_OK);
	name[0] = text[0] = 'X';
	sct_assert_get(cache, SC_KEY("name"), "text");
	sct_assert_get(cache, SC_KEY(name), NULL);
	sc_cache_close(cache);
}

static void values_of_every_length(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 1 << 20));
	static unsigned char put[9000], got[9001];

	(void)state;
	for (size_t len = 0; len <= sizeof put; len +=
		len < 70 || (len > COPY_LOCKED_MAX - 10 && len < COPY_LOCKED_MAX + 10) ? 1 : 61) {
		struct sc_value value;
		size_t got_len;
		sct_fill(put, len, len);
		assert_int_equal(sc_cache_put(cache, SC_KEY("v"), put, len), SC_OK);
		got[len] = 0xA5;
		assert_int_equal(sc_cache_get(cache, SC_KEY("v"), got, len, &got_len), SC_HIT);
		assert_int_equal(got_len, len);
		assert_true(sct_is_filled(got, len, len));
		assert_int_equal(got[len], 0xA5);
		assert_int_equal(sc_cache_acquire(cache, SC_KEY("v"), &value), SC_HIT);
		assert_int_equal(value.len, len);
		assert_int_equal((uintptr_t)value.data % 8, 0);
		assert_true(sct_is_filled(value.data, len, len));
		sc_value_release(&value);
	}
	assert_int_equal(sct_stats(cache).pinned, 0);
	sc_cache_close(cache);
}

static void a_buffer_that_is_too_small(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	static unsigned char value[COPY_LOCKED_MAX + 100], buffer[sizeof value];
	const size_t lengths[] = { 1, 10, COPY_LOCKED_MAX, COPY_LOCKED_MAX + 1, sizeof value };

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		size_t len = 0;
		sct_fill(value, lengths[i], i);
		assert_int_equal(sc_cache_put(cache, SC_KEY(1), value, lengths[i]), SC_OK);
		buffer[lengths[i] - 1] = 0xA5;
		assert_int_equal(sc_cache_get(cache, SC_KEY(1), buffer, lengths[i] - 1, &len),
			SC_E_TOO_LARGE);
		assert_int_equal(len, lengths[i]);
		assert_int_equal(buffer[lengths[i] - 1], 0xA5);
		assert_int_equal(sc_cache_get(cache, SC_KEY(1), NULL, 0, &len), SC_E_TOO_LARGE);
		assert_int_equal(len, lengths[i]);
		assert_int_equal(sc_cache_get(cache, SC_KEY(1), buffer, len, &len), SC_HIT);
		assert_true(sct_is_filled(buffer, len, i));
	}
	/* Each lookup found an entry, so all are hits. */
	assert_int_equal(sct_stats(cache).hits, 15);
	assert_int_equal(sct_stats(cache).pinned, 0);
	sc_cache_close(cache);
}

static void an_empty_value_needs_no_buffer(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	struct sc_value value;
	size_t len = 99;

	(void)state;
	assert_int_equal(sc_cache_put(cache, SC_KEY(1), NULL, 0), SC_OK);
	assert_int_equal(sc_cache_get(cache, SC_KEY(1), NULL, 0, &len), SC_HIT);
	assert_int_equal(len, 0);
	assert_int_equal(sc_cache_acquire(cache, SC_KEY(1), &value), SC_HIT);
	assert_int_equal(value.len, 0);
	assert_int_equal(sct_stats(cache).pinned, 1);
	sc_value_release(&value);
	assert_int_equal(sct_stats(cache).pinned, 0);
	/* NULL with a length is not an empty value. */
	assert_int_equal(sc_cache_put(cache, SC_KEY(1), NULL, 1), SC_E_INVAL);
	assert_int_equal(sc_cache_get(cache, SC_KEY(1), NULL, 0, &len), SC_HIT);
	sc_cache_close(cache);
}

static void a_value_larger_than_the_cache(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 16 << 10));
	static unsigned char large[17 << 10];

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	assert_int_equal(sct_put(cache, SC_KEY(2), "two"), SC_OK);
	assert_int_equal(sc_cache_put(cache, SC_KEY(1), large, sizeof large), SC_E_TOO_LARGE);
	/* The key's old value was removed, so that no lookup returns a replaced value; other keys
	 * stay. */
	sct_assert_get(cache, SC_KEY(1), NULL);
	sct_assert_get(cache, SC_KEY(2), "two");
	assert_int_equal(sct_stats(cache).rejected, 1);
	assert_int_equal(sct_stats(cache).evictions, 0);
	/* A key may be too large as well. */
	assert_int_equal(sct_put(cache, SC_KEY(SC_BYTES(large, sizeof large)), ""), SC_E_TOO_LARGE);
	assert_int_equal(sct_stats(cache).rejected, 2);
	sct_assert_get(cache, SC_KEY(2), "two");
	sc_cache_close(cache);
}

static void invalidating_and_clearing(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	assert_int_equal(sc_cache_invalidate(cache, SC_KEY(1)), SC_MISS);
	for (int i = 0; i < 10; i++)
		assert_int_equal(sct_put(cache, SC_KEY(i), "x"), SC_OK);
	assert_int_equal(sc_cache_invalidate(cache, SC_KEY(1)), SC_HIT);
	assert_int_equal(sc_cache_invalidate(cache, SC_KEY(1)), SC_MISS);
	sct_assert_get(cache, SC_KEY(1), NULL);
	sct_assert_get(cache, SC_KEY(2), "x");
	assert_int_equal(sct_stats(cache).invalidations, 1);
	sc_cache_clear(cache);
	for (int i = 0; i < 10; i++)
		sct_assert_get(cache, SC_KEY(i), NULL);
	struct sc_cache_stats stats = sct_stats(cache);
	assert_int_equal(stats.invalidations, 10);
	assert_int_equal(stats.entries, 0);
	assert_int_equal(stats.bytes, 0);
	assert_int_equal(stats.puts, 10);
	sc_cache_clear(cache);
	assert_int_equal(sct_stats(cache).invalidations, 10);
	assert_int_equal(sct_put(cache, SC_KEY(1), "again"), SC_OK);
	sct_assert_get(cache, SC_KEY(1), "again");
	sc_cache_close(cache);
}

/* ---- Time to live ---- */

static void an_entry_lives_for_its_ttl_and_no_longer(void **state)
{
	_Atomic int64_t now_ms = 1000;
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = 100, .clock = sct_clock_of(&now_ms)));
	struct sc_value value;

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	assert_int_equal(sct_put(cache, SC_KEY(2), "two"), SC_OK);
	now_ms = 1099;
	sct_assert_get(cache, SC_KEY(1), "one");
	assert_int_equal(sct_put(cache, SC_KEY(2), "two again"), SC_OK);
	now_ms = 1100;
	/* A put extended its life, a hit did not. */
	sct_assert_get(cache, SC_KEY(1), NULL);
	sct_assert_get(cache, SC_KEY(2), "two again");
	assert_int_equal(sct_stats(cache).expired, 1);
	assert_int_equal(sct_stats(cache).misses, 1);
	sct_assert_get(cache, SC_KEY(1), NULL);
	assert_int_equal(sct_stats(cache).expired, 1);
	assert_int_equal(sct_stats(cache).misses, 2);
	now_ms = 1198;
	assert_int_equal(sc_cache_acquire(cache, SC_KEY(2), &value), SC_HIT);
	now_ms = 1199;
	sct_assert_get(cache, SC_KEY(2), NULL);
	sct_assert_value(&value, "two again");
	sc_value_release(&value);
	assert_int_equal(sct_stats(cache).entries, 0);
	sc_cache_close(cache);
}

static void an_expired_entry_is_a_miss_in_every_way(void **state)
{
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = 1, .clock = sct_clock_of(&now_ms)));
	struct sc_value value;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(sct_put(cache, SC_KEY(i), "x"), SC_OK);
	now_ms = 1;
	assert_int_equal(sct_stats(cache).entries, 3);
	sct_assert_get(cache, SC_KEY(0), NULL);
	assert_int_equal(sc_cache_acquire(cache, SC_KEY(1), &value), SC_MISS);
	sct_assert_no_value(&value);
	assert_int_equal(sct_put(cache, SC_KEY(2), "y"), SC_OK);
	sct_assert_get(cache, SC_KEY(2), "y");
	assert_int_equal(sct_stats(cache).entries, 1);
	sc_cache_close(cache);
}

static void a_clock_may_begin_at_any_time(void **state)
{
	const int64_t starts[] = { INT64_MIN, INT64_MIN + 1, -1000, -5, 0, INT64_MAX - 200 };

	(void)state;
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		_Atomic int64_t now_ms = starts[i];
		struct sc_cache *cache = sct_cache_open(
			SC_CACHE_OPTIONS(.ttl_ms = 100, .clock = sct_clock_of(&now_ms)));
		assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
		now_ms += 99;
		sct_assert_get(cache, SC_KEY(1), "one");
		now_ms += 1;
		sct_assert_get(cache, SC_KEY(1), NULL);
		sc_cache_close(cache);
	}
}

static void a_ttl_beyond_the_end_of_time(void **state)
{
	_Atomic int64_t now_ms = INT64_MAX - 1000;
	struct sc_cache *cache = sct_cache_open(
		SC_CACHE_OPTIONS(.ttl_ms = INT64_MAX - 1, .clock = sct_clock_of(&now_ms)));

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	now_ms = INT64_MAX - 1;
	sct_assert_get(cache, SC_KEY(1), "one");
	sc_cache_close(cache);
}

static void without_a_ttl_nothing_expires(void **state)
{
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.clock = sct_clock_of(&now_ms)));

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	now_ms = INT64_MAX - 1;
	sct_assert_get(cache, SC_KEY(1), "one");
	sc_cache_close(cache);
}

/* ---- Figures ---- */

static void figures_add_up(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 50));
	uint64_t lookups = 0, invalidated = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct sc_value value;
		char text[16];
		size_t len;
		snprintf(text, sizeof text, "%d", i);
		assert_int_equal(sct_put(cache, SC_KEY(i), text), SC_OK);
		lookups += 2;
		sc_cache_get(cache, SC_KEY(i / 2), text, sizeof text, &len);
		sc_cache_acquire(cache, SC_KEY(i - 5), &value);
		sc_value_release(&value);
		if (i % 7 == 0)
			invalidated += sc_cache_invalidate(cache, SC_KEY(i - 20)) == SC_HIT;
	}
	struct sc_cache_stats stats = sct_stats(cache);
	assert_int_equal(stats.size, sizeof stats);
	assert_int_equal(stats.hits + stats.misses, lookups);
	assert_true(stats.hits > 500 && stats.misses > 100);
	assert_int_equal(stats.puts, 1000);
	assert_true(invalidated > 10);
	assert_int_equal(stats.invalidations, invalidated);
	assert_int_equal(stats.entries, stats.puts - stats.evictions - stats.invalidations);
	assert_int_equal(stats.expired + stats.loads + stats.load_failures + stats.load_waits, 0);
	assert_int_equal(stats.rejected + stats.forgotten + stats.pinned + stats.pinned_bytes, 0);
	assert_int_equal(stats.max_entries, 50);
	/* Each entry takes its key, its value, and at most a record's header and padding. */
	assert_in_range(stats.bytes, stats.entries * (3 + 3), stats.entries * (6 + 3 + 40));
	sc_cache_close(cache);
}

static void caches_do_not_share_anything(void **state)
{
	struct sc_cache *one = sct_cache_open(NULL), *other = sct_cache_open(NULL);

	(void)state;
	assert_int_equal(sct_put(one, SC_KEY(1), "one"), SC_OK);
	sct_assert_get(other, SC_KEY(1), NULL);
	assert_int_equal(sct_put(other, SC_KEY(1), "other"), SC_OK);
	sc_cache_clear(other);
	sct_assert_get(one, SC_KEY(1), "one");
	sc_cache_close(other);
	sct_assert_get(one, SC_KEY(1), "one");
	sc_cache_close(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_get_returns_the_value_that_was_put),
		cmocka_unit_test(key_and_value_are_copied),
		cmocka_unit_test(values_of_every_length),
		cmocka_unit_test(a_buffer_that_is_too_small),
		cmocka_unit_test(an_empty_value_needs_no_buffer),
		cmocka_unit_test(a_value_larger_than_the_cache),
		cmocka_unit_test(invalidating_and_clearing),
		cmocka_unit_test(an_entry_lives_for_its_ttl_and_no_longer),
		cmocka_unit_test(an_expired_entry_is_a_miss_in_every_way),
		cmocka_unit_test(a_clock_may_begin_at_any_time),
		cmocka_unit_test(a_ttl_beyond_the_end_of_time),
		cmocka_unit_test(without_a_ttl_nothing_expires),
		cmocka_unit_test(figures_add_up),
		cmocka_unit_test(caches_do_not_share_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
