/* Pinned values are valid and unchanged until released, whatever happens to entry and cache. */
#include "cache/cache_fixture.h"
#include "cache/fetch_with_loader.h"

#include <stdio.h>

#define VALUE_LEN 500
#define PINS_MAX  255 /* how often one record can be pinned */
#define HOLDS     300

struct fixture {
	_Atomic int64_t now_ms;
	struct sc_cache *cache;
	struct sc_value value;
};

static void put_filled(struct sc_cache *cache, struct sc_key key, uint64_t seed)
{
	unsigned char bytes[VALUE_LEN];

	sct_fill(bytes, sizeof bytes, seed);
	assert_int_equal(sc_cache_put(cache, key, bytes, sizeof bytes), SC_OK);
}

/* Fill and turn over the cache several times. */
static void churn(struct sc_cache *cache)
{
	for (int i = 0; i < 300; i++)
		put_filled(cache, SC_KEY("churn", i), (uint64_t)i);
}

static void assert_held(const struct sc_value *value)
{
	assert_int_equal(value->len, VALUE_LEN);
	assert_true(sct_is_filled(value->data, value->len, 1));
}

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.now_ms = 1;
	fixture.cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 32 << 10, .ttl_ms = 100,
		.clock = sct_clock_of(&fixture.now_ms)));
	put_filled(fixture.cache, SC_KEY("held"), 1);
	assert_int_equal(sc_cache_acquire(fixture.cache, SC_KEY("held"), &fixture.value), SC_HIT);
	*state = &fixture;
	return 0;
}

/* After the release the space is free, and the cache continues to work. */
static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	if (!fixture->cache)
		return 0;
	assert_int_equal(sct_stats(fixture->cache).pinned, 1);
	assert_true(sct_stats(fixture->cache).pinned_bytes >= VALUE_LEN);
	assert_held(&fixture->value);
	sc_value_release(&fixture->value);
	sct_assert_no_value(&fixture->value);
	assert_int_equal(sct_stats(fixture->cache).pinned, 0);
	assert_int_equal(sct_stats(fixture->cache).pinned_bytes, 0);
	churn(fixture->cache);
	sc_cache_clear(fixture->cache);
	assert_int_equal(sct_stats(fixture->cache).bytes, 0);
	sc_cache_close(fixture->cache);
	return 0;
}

static void a_pin_survives_replacement(void **state)
{
	struct fixture *fixture = *state;
	struct sc_value newer;

	put_filled(fixture->cache, SC_KEY("held"), 2);
	assert_held(&fixture->value);
	assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("held"), &newer), SC_HIT);
	assert_true(sct_is_filled(newer.data, newer.len, 2));
	assert_int_equal(sct_stats(fixture->cache).pinned, 2);
	sc_value_release(&newer);
}

static void a_pin_survives_invalidation(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(sc_cache_invalidate(fixture->cache, SC_KEY("held")), SC_HIT);
	sct_assert_get(fixture->cache, SC_KEY("held"), NULL);
	assert_held(&fixture->value);
	churn(fixture->cache);
}

static void a_pin_survives_clearing(void **state)
{
	struct fixture *fixture = *state;

	sc_cache_clear(fixture->cache);
	sct_assert_get(fixture->cache, SC_KEY("held"), NULL);
	assert_held(&fixture->value);
	churn(fixture->cache);
}

static void a_pin_survives_expiry(void **state)
{
	struct fixture *fixture = *state;

	fixture->now_ms = 101;
	sct_assert_get(fixture->cache, SC_KEY("held"), NULL);
	assert_held(&fixture->value);
	churn(fixture->cache);
}

static void a_pin_survives_the_eviction_of_its_entry(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 10; i++) {
		churn(fixture->cache);
		assert_held(&fixture->value);
	}
	assert_true(sct_stats(fixture->cache).evictions > 2000);
}

static void a_pin_survives_closing(void **state)
{
	struct fixture *fixture = *state;
	struct sc_value second;

	assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("held"), &second), SC_HIT);
	churn(fixture->cache);
	sc_cache_close(fixture->cache);
	fixture->cache = NULL;
	assert_held(&fixture->value);
	sc_value_release(&fixture->value);
	assert_held(&second);
	sc_value_release(&second);
	sct_assert_no_value(&second);
}

static void pins_are_counted(void **state)
{
	struct fixture *fixture = *state;
	struct sc_value second;

	assert_int_equal(sc_cache_acquire(fixture->cache, SC_KEY("held"), &second), SC_HIT);
	assert_ptr_equal(second.data, fixture->value.data);
	assert_int_equal(sct_stats(fixture->cache).pinned, 1);
	sc_value_release(&second);
	sct_assert_no_value(&second);
	/* A second release does nothing. */
	sc_value_release(&second);
	sc_value_release(NULL);
	assert_int_equal(sct_stats(fixture->cache).pinned, 1);
	churn(fixture->cache);
}

/* A pinned value can be put under any key, also under its own. */
static void a_pinned_value_is_put(void **state)
{
	struct fixture *fixture = *state;
	unsigned char bytes[VALUE_LEN];
	size_t len;

	for (int i = 0; i < 200; i++) {
		assert_int_equal(sc_cache_put(fixture->cache, SC_KEY("copy", i),
					 fixture->value.data, fixture->value.len),
			SC_OK);
		assert_int_equal(sc_cache_put(fixture->cache, SC_KEY("held"), fixture->value.data,
					 fixture->value.len),
			SC_OK);
		assert_int_equal(
			sc_cache_get(fixture->cache, SC_KEY("copy", i), bytes, sizeof bytes, &len),
			SC_HIT);
		assert_true(sct_is_filled(bytes, len, 1));
		assert_held(&fixture->value);
	}
}

/* ---- When pins prevent an eviction ---- */

static int load_nothing(struct sc_load *load, void *context)
{
	(void)load;
	(void)context;
	fail_msg("a loader was called for a key that is there");
	return -1;
}

static void pins_can_leave_no_space(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 32 << 10));
	static unsigned char half[16 << 10];
	struct sc_value value;

	(void)state;
	sct_fill(half, sizeof half, 1);
	assert_int_equal(sc_cache_put(cache, SC_KEY("held"), half, sizeof half), SC_OK);
	assert_int_equal(sc_cache_acquire(cache, SC_KEY("held"), &value), SC_HIT);
	assert_int_equal(sct_put(cache, SC_KEY("other"), "old"), SC_OK);
	assert_int_equal(sc_cache_put(cache, SC_KEY("other"), half, sizeof half), SC_E_NOMEM);
	sct_assert_get(cache, SC_KEY("other"), NULL);
	assert_int_equal(sct_stats(cache).rejected, 1);
	assert_true(sct_is_filled(value.data, value.len, 1));
	sc_value_release(&value);
	assert_int_equal(sc_cache_put(cache, SC_KEY("other"), half, sizeof half), SC_OK);
	sc_cache_close(cache);
}

/* With more pins than max_entries, pinned entries are evicted, and their values stay readable. */
static void more_pins_than_entries(void **state)
{
	enum { PINS = 20 };
	struct sc_cache *cache =
		sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 4, .max_bytes = 64 << 10));
	struct sc_value values[PINS];

	(void)state;
	for (int i = 0; i < PINS; i++) {
		put_filled(cache, SC_KEY(i), (uint64_t)i);
		assert_int_equal(sc_cache_acquire(cache, SC_KEY(i), &values[i]), SC_HIT);
		assert_int_equal(sct_stats(cache).entries, i < 4 ? i + 1 : 4);
	}
	assert_int_equal(sct_stats(cache).pinned, PINS);
	for (int i = 0; i < PINS; i++) {
		assert_true(sct_is_filled(values[i].data, values[i].len, (uint64_t)i));
		sc_value_release(&values[i]);
	}
	assert_int_equal(sct_stats(cache).entries, 4);
	assert_int_equal(sct_stats(cache).pinned, 0);
	sc_cache_close(cache);
}

/* An adaptive cache separates new entries from those that were used again. Pins on all new entries
 * must not make it evict all the others. */
static void pins_do_not_empty_the_cache(void **state)
{
	enum { ENTRIES = 100, PINS = 99 };
	struct sc_value values[PINS];

	(void)state;
	for (int pins = 1; pins <= PINS; pins += 7) {
		struct sc_cache *cache = sct_cache_open(
			SC_CACHE_OPTIONS(.max_entries = ENTRIES, .max_bytes = 1 << 20));
		for (int i = 0; i < 50 * ENTRIES; i++) {
			char byte;
			size_t len;
			sc_cache_get(cache, SC_KEY(i % 70), &byte, 1, &len);
			assert_int_equal(sct_put(cache, SC_KEY(i % 7 ? i % 70 : i), "x"), SC_OK);
		}
		for (int i = 0; i < pins; i++) {
			assert_int_equal(sct_put(cache, SC_KEY("new", i), "y"), SC_OK);
			assert_int_equal(sc_cache_acquire(cache, SC_KEY("new", i), &values[i]),
				SC_HIT);
			assert_int_equal(sct_stats(cache).entries, ENTRIES);
		}
		for (int i = 0; i < pins; i++)
			sc_value_release(&values[i]);
		sc_cache_close(cache);
	}
}

/* Beyond the pins that a record can count, acquire returns a heap copy. */
static void pins_beyond_the_count_of_a_record_are_copies(void **state)
{
	struct sc_value *values = calloc(HOLDS, sizeof *values), once_more = { .len = 1 };
	struct sc_cache *cache = sct_cache_open(NULL);
	static unsigned char large[5000], buffer[5000];
	struct sc_error error = { 0 };
	size_t len;

	(void)state;
	assert_non_null(values);
	sct_fill(large, sizeof large, 1);
	assert_int_equal(sc_cache_put(cache, SC_KEY(1), large, sizeof large), SC_OK);
	for (int i = 0; i < HOLDS; i++)
		assert_int_equal(sc_cache_acquire(cache, SC_KEY(1), &values[i]), SC_HIT);
	for (int i = 0; i < HOLDS; i++)
		assert_true((values[i].data == values[0].data) == (i < PINS_MAX));
	assert_true(values[HOLDS - 1].len == sizeof large);
	assert_true(sct_is_filled(values[HOLDS - 1].data, sizeof large, 1));
	assert_int_equal(sct_fetch(cache, SC_KEY(1), load_nothing, NULL, &once_more, &error),
		SC_HIT);
	assert_true(once_more.len == sizeof large && once_more.data != values[0].data);
	sc_value_release(&once_more);
	assert_int_equal(sc_cache_get(cache, SC_KEY(1), buffer, sizeof buffer, &len), SC_HIT);
	assert_true(len == sizeof buffer && sct_is_filled(buffer, len, 1));

	sc_value_release(&values[0]);
	assert_int_equal(sc_cache_acquire(cache, SC_KEY(1), &values[0]), SC_HIT);
	assert_true(values[0].data != values[HOLDS - 1].data);
	for (int i = 0; i < HOLDS; i++)
		sc_value_release(&values[i]);
	assert_int_equal(sct_stats(cache).pinned, 0);
	sc_cache_close(cache);
	free(values);
}

/* A closed cache keeps its memory until the last release, and frees all of it then (a leak checker
 * watches). */
static void many_pins_outlive_the_cache(void **state)
{
	enum { PINS = 30 };
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 64 << 10));
	struct sc_value values[PINS];

	(void)state;
	for (int i = 0; i < PINS; i++) {
		put_filled(cache, SC_KEY(i), (uint64_t)i);
		assert_int_equal(sc_cache_acquire(cache, SC_KEY(i), &values[i]), SC_HIT);
	}
	sc_cache_close(cache);
	for (int i = PINS - 1; i >= 0; i--) {
		assert_true(sct_is_filled(values[i].data, values[i].len, (uint64_t)i));
		sc_value_release(&values[i]);
	}
}

#define pinned_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* ---- Peeking ---- */

static void assert_peeks(struct sc_cache *cache, struct sc_key key, const char *text)
{
	struct sc_value value = { .len = 5 };

	assert_int_equal(sc_cache_peek(cache, key, &value), text ? SC_HIT : SC_MISS);
	if (text)
		sct_assert_value(&value, text);
	else
		assert_null(value.data);
	sc_value_release(&value);
}

/* A peek is not a use: the entry is still the least recently used, still becomes idle, and nothing
 * is counted. */
static void a_peek_is_no_use_and_is_not_counted(void **state)
{
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_entries = 2, .tti_ms = 100,
		.policy = SC_POLICY_LRU, .clock = sct_clock_of(&now_ms)));
	struct sc_value value;

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	assert_int_equal(sct_put(cache, SC_KEY(2), "two"), SC_OK);
	assert_peeks(cache, SC_KEY(1), "one");
	assert_int_equal(sct_put(cache, SC_KEY(3), "three"), SC_OK);
	assert_peeks(cache, SC_KEY(1), NULL);
	assert_peeks(cache, SC_KEY(2), "two");
	now_ms = 99;
	assert_peeks(cache, SC_KEY(2), "two");
	now_ms = 100;
	assert_peeks(cache, SC_KEY(2), NULL);
	struct sc_cache_stats stats = sct_stats(cache);
	assert_int_equal(stats.hits + stats.misses + stats.expired, 0);
	assert_int_equal(stats.entries, 2);
	assert_int_equal(sc_cache_peek(cache, (struct sc_key){ 0 }, &value), SC_E_INVAL);
	sc_cache_close(cache);
}

/* A peek pins its value like an acquire. */
static void a_peek_pins(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	struct sc_value value;

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	assert_int_equal(sc_cache_peek(cache, SC_KEY(1), &value), SC_HIT);
	assert_int_equal(sct_put(cache, SC_KEY(1), "two"), SC_OK);
	sct_assert_value(&value, "one");
	sc_cache_close(cache);
	sct_assert_value(&value, "one");
	sc_value_release(&value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peek_is_no_use_and_is_not_counted),
		cmocka_unit_test(a_peek_pins),
		pinned_test(a_pin_survives_replacement),
		pinned_test(a_pin_survives_invalidation),
		pinned_test(a_pin_survives_clearing),
		pinned_test(a_pin_survives_expiry),
		pinned_test(a_pin_survives_the_eviction_of_its_entry),
		pinned_test(a_pin_survives_closing),
		pinned_test(pins_are_counted),
		pinned_test(a_pinned_value_is_put),
		cmocka_unit_test(pins_can_leave_no_space),
		cmocka_unit_test(more_pins_than_entries),
		cmocka_unit_test(pins_do_not_empty_the_cache),
		cmocka_unit_test(pins_beyond_the_count_of_a_record_are_copies),
		cmocka_unit_test(many_pins_outlive_the_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
