/* Iteration over the keys of a cache, also while it changes. */
#include "cache/cache_fixture.h"
#include "support/threads.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 20000 };

/* Count how often the iterator returns each of the keys SC_KEY("key", number). */
static void count_keys(struct sc_cache *cache, unsigned *given,
	void (*meanwhile)(struct sc_cache *))
{
	struct sc_iterator *iterator;
	const struct sc_key *key;

	assert_int_equal(sc_iterator_open(&iterator, cache), 0);
	while (sc_iterator_next(iterator, &key) == SC_HIT) {
		assert_in_range(key->count, 2, 3);
		assert_int_equal(key->parts[0].type, SC_PART_TEXT);
		assert_string_equal(key->parts[0].data, "key");
		assert_in_range(key->parts[1].number, 0, KEYS - 1);
		given[key->parts[1].number]++;
		if (meanwhile)
			meanwhile(cache);
	}
	assert_null(key);
	/* At its end it stays there. */
	assert_int_equal(sc_iterator_next(iterator, &key), SC_MISS);
	sc_iterator_close(iterator);
}

static void put(struct sc_cache *cache, int number)
{
	assert_int_equal(sct_put(cache, SC_KEY("key", number), "x"), SC_OK);
}

static void an_empty_cache_has_no_keys(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	struct sc_iterator *iterator;
	const struct sc_key *key;

	(void)state;
	assert_int_equal(sc_iterator_open(&iterator, cache), 0);
	assert_int_equal(sc_iterator_next(iterator, &key), SC_MISS);
	assert_null(key);
	sc_iterator_close(iterator);
	sc_iterator_close(NULL);
	sc_cache_close(cache);
}

static void each_key_is_given_once(void **state)
{
	const struct sc_cache_options *all[] = {
		NULL,
		SC_CACHE_OPTIONS(.max_entries = KEYS, .policy = SC_POLICY_LRU),
		SC_CACHE_OPTIONS(.concurrency = 4),
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct sc_cache *cache = sct_cache_open(all[i]);
		unsigned *given = calloc(KEYS, sizeof *given);
		for (int number = 0; number < KEYS; number++)
			put(cache, number);
		count_keys(cache, given, NULL);
		uint64_t entries = 0;
		for (int number = 0; number < KEYS; number++) {
			struct sc_value value;
			int rc = sc_cache_peek(cache, SC_KEY("key", number), &value);
			sc_value_release(&value);
			assert_int_equal(given[number], rc == SC_HIT);
			entries += given[number];
		}
		assert_int_equal(sct_stats(cache).entries, entries);
		assert_int_equal(sct_stats(cache).hits + sct_stats(cache).misses, 0);
		free(given);
		sc_cache_close(cache);
	}
}

/* Parts of all types, and keys that are larger than one batch of the iterator. */
static void iterated_keys_have_their_original_parts(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = 1 << 30));
	char *large = malloc(SC_KEY_BYTES_MAX);
	struct sc_iterator *iterator;
	const struct sc_key *key;
	unsigned seen = 0;

	(void)state;
	memset(large, 'L', SC_KEY_BYTES_MAX);
	assert_int_equal(sct_put(cache, SC_KEY(SC_BYTES(large, SC_KEY_BYTES_MAX)), "1"), SC_OK);
	assert_int_equal(sct_put(cache, SC_KEY(SC_BYTES(large, 30000)), "2"), SC_OK);
	assert_int_equal(sct_put(cache, SC_KEY(""), "4"), SC_OK);
	assert_int_equal(sct_put(cache, SC_KEY(true, -5, "five", SC_BYTES("\0\1", 2)), "8"), SC_OK);
	assert_int_equal(sc_iterator_open(&iterator, cache), 0);
	while (sc_iterator_next(iterator, &key) == SC_HIT) {
		struct sc_value value;
		assert_int_equal(sc_cache_peek(cache, *key, &value), SC_HIT);
		seen += (unsigned)(*(const char *)value.data - '0');
		sc_value_release(&value);
	}
	sc_iterator_close(iterator);
	assert_int_equal(seen, 15);
	free(large);
	sc_cache_close(cache);
}

/* A key that does not fit behind those already copied takes none of them along. */
static void long_keys_among_short_ones(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 16 << 20));
	unsigned *given = calloc(KEYS, sizeof *given);
	char *bytes = calloc(1, SC_KEY_BYTES_MAX);

	(void)state;
	for (int number = 0; number < 500; number++)
		put(cache, number);
	for (size_t len = 3000; len < SC_KEY_BYTES_MAX; len += 9000)
		assert_int_equal(sct_put(cache, SC_KEY("key", 500, SC_BYTES(bytes, len)), "x"),
			SC_OK);
	count_keys(cache, given, NULL);
	for (int number = 0; number < 500; number++)
		assert_int_equal(given[number], 1);
	assert_int_equal(given[500], 1 + (SC_KEY_BYTES_MAX - 3001) / 9000);
	free(bytes);
	free(given);
	sc_cache_close(cache);
}

static _Atomic int64_t now_ms;

static void expired_keys_are_not_iterated(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.clock = sct_clock_of(&now_ms)));
	unsigned *given = calloc(KEYS, sizeof *given);

	(void)state;
	put(cache, 1);
	assert_int_equal(
		sc_cache_put_with(cache, SC_KEY("key", 2), "x", 1, SC_PUT_OPTIONS(.ttl_ms = 100)),
		SC_OK);
	assert_int_equal(
		sc_cache_put_with(cache, SC_KEY("key", 3), "x", 1, SC_PUT_OPTIONS(.ttl_ms = 101)),
		SC_OK);
	now_ms += 100;
	count_keys(cache, given, NULL);
	assert_int_equal(given[1], 1);
	assert_int_equal(given[2], 0);
	assert_int_equal(given[3], 1);
	free(given);
	sc_cache_close(cache);
}

static void remove_some(struct sc_cache *cache)
{
	static int number = 1;

	sc_cache_invalidate(cache, SC_KEY("key", number % KEYS));
	number += 2;
}

static void the_cache_may_change_during_iteration(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	unsigned *given = calloc(KEYS, sizeof *given);

	(void)state;
	for (int number = 0; number < KEYS; number++)
		put(cache, number);
	count_keys(cache, given, remove_some);
	for (int number = 0; number < KEYS; number++)
		assert_in_range(given[number], number % 2 == 0, 1);
	memset(given, 0, KEYS * sizeof *given);
	count_keys(cache, given, sc_cache_clear);
	free(given);
	sc_cache_close(cache);
}

/* ---- Threads ---- */

static _Atomic int changing;

static void come_and_go(unsigned thread, void *cache)
{
	if (thread == 0) {
		/* The keys below 1,000 are never removed. */
		for (int round = 0; round < 5; round++) {
			unsigned *given = calloc(KEYS, sizeof *given);
			struct sc_iterator *iterator;
			const struct sc_key *key;
			sct_check(sc_iterator_open(&iterator, cache) == 0);
			while (sc_iterator_next(iterator, &key) == SC_HIT)
				sct_check(++given[key->parts[1].number] == 1);
			sc_iterator_close(iterator);
			for (int number = 0; number < 1000; number++)
				sct_check(given[number] == 1);
			free(given);
		}
		changing = 0;
		return;
	}
	for (int number = 1000; changing; number = number < 5000 ? number + 1 : 1000) {
		struct sc_key key = SC_KEY("key", number);
		sct_check(sct_put(cache, key, "x") == SC_OK);
		if (number % 3 == 0)
			sc_cache_invalidate(cache, key);
	}
}

static void threads_may_change_the_cache_during_iteration(void **state)
{
	struct sc_cache *cache = sct_cache_open(SC_CACHE_OPTIONS(.concurrency = 2));

	(void)state;
	for (int number = 0; number < 1000; number++)
		put(cache, number);
	changing = 1;
	sct_threads_run(3, come_and_go, cache);
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_cache_has_no_keys),
		cmocka_unit_test(each_key_is_given_once),
		cmocka_unit_test(iterated_keys_have_their_original_parts),
		cmocka_unit_test(long_keys_among_short_ones),
		cmocka_unit_test(expired_keys_are_not_iterated),
		cmocka_unit_test(the_cache_may_change_during_iteration),
		cmocka_unit_test(threads_may_change_the_cache_during_iteration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
