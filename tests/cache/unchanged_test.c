/* Validators, and loads that find the old value unchanged. */
#include "cache/cache_fixture.h"
#include "cache/counted_object.h"
#include "cache/out_of_memory.h"
#include "support/threads.h"

#include <pthread.h>
#include <stdlib.h>

enum { TTL = 100, STALE = 1000 };

/* The source: a value, and what it is called. The loader is told `unchanged` if it names it. */
static struct {
	struct sc_cache *cache;
	_Atomic int64_t now_ms;
	const char *value, *version;
	struct sc_object object; /* in place of the value, if it has a pointer */
	_Atomic int loads, unchanged;
	unsigned waiters; /* the loader ends when so many wait for it */
	void (*then)(void);
} the;

static int give(struct sc_load *load)
{
	assert_int_equal(sc_load_set_validator(load, the.version), 0);
	if (the.object.pointer)
		return sc_load_set_object(load, &the.object);
	return sc_load_set_value(load, the.value, strlen(the.value));
}

static int load(struct sc_load *load, void *context)
{
	const char *known = sc_load_old_validator(load);

	(void)context;
	the.loads++;
	if (the.waiters)
		sct_until(sct_threads_waiting() == the.waiters);
	if (the.then)
		the.then();
	if (!known || !the.version || strcmp(known, the.version) != 0)
		return give(load);
	the.unchanged++;
	return sc_load_set_unchanged(load);
}

static int set_up(void **state)
{
	(void)state;
	memset(&the, 0, sizeof the);
	the.now_ms = 1000000;
	the.value = "value";
	the.version = "v1";
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = STALE,
		.loader = load, .max_bytes = 64 << 10, .clock = sct_clock_of(&the.now_ms)));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(sct_stats(the.cache).pinned, 0);
	sc_cache_close(the.cache);
	return 0;
}

static struct sc_value fetch(int outcome)
{
	struct sc_error error = { 0 };
	struct sc_value value;

	int rc = sc_cache_fetch(the.cache, SC_KEY(1), &value, &error);
	if (rc != outcome)
		fail_msg("%d in place of %d: %s", rc, outcome, error.message);
	return value;
}

static void assert_fetch(int outcome, const char *text, int unchanged)
{
	int before = the.unchanged;
	struct sc_value value = fetch(outcome);

	sct_assert_value(&value, text);
	assert_int_equal(the.unchanged - before, unchanged);
	sc_value_release(&value);
}

static void an_unchanged_value_is_renewed(void **state)
{
	(void)state;
	struct sc_value value = fetch(SC_LOADED);
	uint64_t first = value.generation;
	sc_value_release(&value);
	for (int i = 0; i < 3; i++) {
		the.now_ms += TTL + 7;
		sct_assert_get(the.cache, SC_KEY(1), NULL);
		value = fetch(SC_LOADED);
		sct_assert_value(&value, "value");
		assert_int_equal(value.generation, first);
		assert_int_equal(value.age_ms, 0);
		assert_int_equal(value.remaining_ms, TTL);
		sc_value_release(&value);
		the.now_ms += TTL - 1;
		sct_assert_get(the.cache, SC_KEY(1), "value");
		assert_fetch(SC_HIT, "value", 0);
	}
	assert_int_equal(the.unchanged, 3);
	/* It was not copied. */
	struct sc_cache_stats stats = sct_stats(the.cache);
	assert_int_equal(stats.puts, 1);
	assert_int_equal(stats.loads, 4);
	assert_int_equal(stats.unchanged, 3);
	/* A new version has another generation, and then its own validator. */
	the.now_ms += TTL;
	the.value = "another";
	the.version = "v2";
	value = fetch(SC_LOADED);
	sct_assert_value(&value, "another");
	assert_true(value.generation > first);
	sc_value_release(&value);
	the.now_ms += TTL;
	assert_fetch(SC_LOADED, "another", 1);
}

static void it_ends_with_its_entry(void **state)
{
	(void)state;
	assert_fetch(SC_LOADED, "value", 0);
	the.now_ms += TTL + STALE;
	assert_fetch(SC_LOADED, "value", 0);
	assert_int_equal(sc_cache_invalidate(the.cache, SC_KEY(1)), SC_HIT);
	assert_fetch(SC_LOADED, "value", 0);
	/* A put without a validator has none. */
	assert_int_equal(sct_put(the.cache, SC_KEY(1), "put"), SC_OK);
	the.now_ms += TTL;
	assert_fetch(SC_LOADED, "value", 0);
	assert_int_equal(sc_cache_put_with(the.cache, SC_KEY(1), "put", 3,
				 SC_PUT_OPTIONS(.validator = "v1")),
		SC_OK);
	the.now_ms += TTL;
	assert_fetch(SC_LOADED, "put", 1);
}

/* A fresh value is the old one when a fetch wants a load in any case. */
static void a_forced_fetch_may_find_it_unchanged(void **state)
{
	struct sc_value value;

	(void)state;
	assert_fetch(SC_LOADED, "value", 0);
	the.now_ms += TTL / 2;
	assert_int_equal(sc_cache_fetch_with(the.cache, SC_KEY(1), SC_FETCH_OPTIONS(.force = 1),
				 &value, NULL),
		SC_LOADED);
	assert_int_equal(value.remaining_ms, TTL);
	sc_value_release(&value);
	assert_int_equal(the.unchanged, 1);
}

static void an_object_may_be_unchanged(void **state)
{
	struct sct_counted_object thing = { .freed = 0 }, other = { .freed = 0 };
	struct sc_value value;

	(void)state;
	the.object = sct_object_of(&thing, 100);
	for (int i = 0; i < 3; i++) {
		value = fetch(SC_LOADED);
		sct_assert_counted_object(&value, &thing);
		sc_value_release(&value);
		the.now_ms += TTL;
	}
	assert_int_equal(the.unchanged, 2);
	the.object = sct_object_of(&other, 100);
	the.version = "v2";
	value = fetch(SC_LOADED);
	sct_assert_counted_object(&value, &other);
	assert_int_equal(thing.freed, 1);
	sc_value_release(&value);
	sc_cache_clear(the.cache);
	assert_int_equal(other.freed, 1);
}

static void put_another(void)
{
	sct_check(sct_put(the.cache, SC_KEY(1), "put") == SC_OK);
}

static void invalidate(void)
{
	sc_cache_invalidate(the.cache, SC_KEY(1));
}

static void what_happens_during_the_load_wins(void **state)
{
	(void)state;
	assert_fetch(SC_LOADED, "value", 0);
	the.now_ms += TTL;
	the.then = put_another;
	assert_fetch(SC_LOADED, "value", 1);
	sct_assert_get(the.cache, SC_KEY(1), "put");
	sc_cache_clear(the.cache);
	the.then = NULL;
	assert_fetch(SC_LOADED, "value", 0);
	the.now_ms += TTL;
	the.then = invalidate;
	assert_fetch(SC_LOADED, "value", 1);
	sct_assert_get(the.cache, SC_KEY(1), NULL);
}

static int unchanged_but_not_to_be_stored(struct sc_load *load, void *context)
{
	(void)context;
	sc_load_set_ttl_ms(load, -1);
	return sc_load_set_unchanged(load);
}

/* What was given last counts. */
static int changes_its_mind(struct sc_load *load, void *context)
{
	assert_int_equal(sc_load_set_value(load, "not this", 8), 0);
	assert_int_equal(sc_load_set_unchanged(load), 0);
	if (context)
		return sc_load_set_value(load, context, strlen(context));
	return 0;
}

static int fails_after_all(struct sc_load *load, void *context)
{
	(void)context;
	assert_int_equal(sc_load_set_unchanged(load), 0);
	return sc_load_fail(load, -3, "no");
}

static int fetch_with(sc_load_fn loader, void *context, const char *text)
{
	struct sc_value value;

	int rc = sc_cache_fetch_with(the.cache, SC_KEY(1),
		SC_FETCH_OPTIONS(.loader = loader, .loader_context = context, .force = 1), &value,
		NULL);
	if (rc > 0 && text)
		sct_assert_value(&value, text);
	sc_value_release(&value);
	return rc;
}

static void what_the_loader_says_last_counts(void **state)
{
	(void)state;
	assert_fetch(SC_LOADED, "value", 0);
	assert_int_equal(fetch_with(changes_its_mind, NULL, "value"), SC_LOADED);
	assert_int_equal(fetch_with(changes_its_mind, (char[]){ "this" }, "this"), SC_LOADED);
	assert_int_equal(fetch_with(fails_after_all, NULL, "this"), SC_STALE);
	the.now_ms += 5000; /* after the failure */
	assert_fetch(SC_LOADED, "value", 0);
	assert_int_equal(fetch_with(unchanged_but_not_to_be_stored, NULL, "value"), SC_LOADED);
	sct_assert_get(the.cache, SC_KEY(1), NULL);
}

static int says_unchanged(struct sc_load *load, void *context)
{
	*(int *)context = sc_load_set_unchanged(load);
	return sc_load_set_value(load, "new", 3);
}

static void without_an_old_value_nothing_is_unchanged(void **state)
{
	int said = 99;

	(void)state;
	assert_int_equal(fetch_with(says_unchanged, &said, "new"), SC_LOADED);
	assert_int_equal(said, SC_E_INVAL);
	/* An update says so in another way. */
	assert_int_equal(sc_cache_update(the.cache, SC_KEY(1), says_unchanged, &said, NULL, NULL),
		SC_LOADED);
	assert_int_equal(said, SC_E_INVAL);
	/* A cache that notes no times knows no old value. */
	sc_cache_close(the.cache);
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = TTL, .loader = load));
	assert_int_equal(fetch_with(load, NULL, "value"), SC_LOADED);
	assert_int_equal(fetch_with(says_unchanged, &said, "new"), SC_LOADED);
	assert_int_equal(said, SC_E_INVAL);
	assert_int_equal(
		sc_cache_put_with(the.cache, SC_KEY(1), "x", 1, SC_PUT_OPTIONS(.validator = "v")),
		SC_E_INVAL);
	assert_int_equal(sc_cache_put_with(the.cache, SC_KEY(1), "x", 1,
				 SC_PUT_OPTIONS(.stale_if_error_ms = 5)),
		SC_E_INVAL);
	sct_assert_get(the.cache, SC_KEY(1), "new");
}

/* The pin of the old value must not be in the way of the new one. */
static void a_large_value_is_replaced(void **state)
{
	static char large[40000];

	(void)state;
	memset(large, 'l', sizeof large - 1);
	the.value = large;
	for (int i = 0; i < 3; i++) {
		the.version = i % 2 ? "v2" : "v1";
		assert_fetch(SC_LOADED, large, 0);
		assert_fetch(SC_HIT, large, 0);
		the.now_ms += TTL;
	}
	assert_int_equal(sct_stats(the.cache).rejected, 0);
}

static void validators_of_every_length(void **state)
{
	char text[SC_VALIDATOR_BYTES_MAX + 2];
	char value[40];

	(void)state;
	memset(value, 'v', sizeof value);
	memset(text, '"', sizeof text);
	text[sizeof text - 1] = '\0';
	assert_int_equal(
		sc_cache_put_with(the.cache, SC_KEY(1), "x", 1, SC_PUT_OPTIONS(.validator = text)),
		SC_E_TOO_LARGE);
	for (size_t len = 0; len <= SC_VALIDATOR_BYTES_MAX; len++) {
		memset(text, '"', len);
		text[len] = '\0';
		value[len % 30] = '\0';
		the.version = text;
		assert_int_equal(sc_cache_put_with(the.cache, SC_KEY(1), value, strlen(value),
					 SC_PUT_OPTIONS(.validator = text)),
			SC_OK);
		sct_assert_get(the.cache, SC_KEY(1), value);
		the.now_ms += TTL;
		if (len > 0)
			assert_fetch(SC_LOADED, value, 1);
		value[len % 30] = 'v';
	}
}

static int sets_a_long_validator(struct sc_load *load, void *context)
{
	char text[SC_VALIDATOR_BYTES_MAX + 2];

	(void)context;
	memset(text, 'v', sizeof text);
	text[sizeof text - 1] = '\0';
	assert_int_equal(sc_load_set_validator(load, "first"), 0);
	assert_int_equal(sc_load_set_validator(load, text), SC_E_TOO_LARGE);
	return sc_load_set_value(load, "new", 3);
}

static void a_validator_that_is_too_long_is_none(void **state)
{
	(void)state;
	assert_int_equal(fetch_with(sets_a_long_validator, NULL, "new"), SC_LOADED);
	the.now_ms += TTL;
	the.version = "first";
	assert_fetch(SC_LOADED, "value", 0);
}

static void *fetch_on_a_thread(void *arg)
{
	struct sc_value value;

	(void)arg;
	int rc = sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL);
	sct_check(rc == SC_LOADED || rc == SC_HIT);
	sct_check(value.len == 5 && memcmp(value.data, "value", 5) == 0);
	sc_value_release(&value);
	return NULL;
}

static void those_who_wait_get_it_too(void **state)
{
	pthread_t threads[4];

	(void)state;
	assert_fetch(SC_LOADED, "value", 0);
	the.now_ms += TTL;
	the.waiters = 3;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fetch_on_a_thread, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(the.loads, 2);
	assert_int_equal(the.unchanged, 1);
}

static void *load_without_return(void *arg)
{
	struct sc_value value;

	(void)arg;
	sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL);
	return NULL;
}

static void end_the_thread(void)
{
	pthread_exit(NULL);
}

/* tear_down() checks that nothing is pinned. */
static void a_loader_that_does_not_return(void **state)
{
	pthread_t thread;

	(void)state;
	assert_fetch(SC_LOADED, "value", 0);
	the.now_ms += TTL;
	the.then = end_the_thread;
	assert_int_equal(pthread_create(&thread, NULL, load_without_return, NULL), 0);
	pthread_join(thread, NULL);
	the.then = NULL;
	assert_fetch(SC_LOADED, "value", 1);
}

static int load_many(struct sc_load *const *loads, size_t count, void *context)
{
	for (size_t i = 0; i < count; i++)
		load(loads[i], context);
	return 0;
}

static void many_at_once(void **state)
{
	const struct sc_key keys[] = { SC_KEY(1), SC_KEY(2), SC_KEY(1), SC_KEY(3) };
	struct sc_fetch_result results[4];

	(void)state;
	sc_cache_close(the.cache);
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = STALE,
		.loader = load, .batch_loader = load_many, .clock = sct_clock_of(&the.now_ms)));
	assert_fetch(SC_LOADED, "value", 0);
	assert_int_equal(sct_put(the.cache, SC_KEY(3), "put"), SC_OK);
	the.now_ms += TTL;
	assert_int_equal(sc_cache_fetch_many(the.cache, keys, 4, NULL, results), 4);
	assert_int_equal(the.loads, 4);
	assert_int_equal(the.unchanged, 1);
	for (int i = 0; i < 4; i++) {
		assert_true(results[i].outcome == SC_LOADED || (i == 2 && results[i].outcome > 0));
		sct_assert_value(&results[i].value, "value");
	}
	sc_fetch_results_release(results, 4);
	assert_int_equal(sct_stats(the.cache).puts, 4);
}

/* Longer than a key that needs no memory. */
static const char long_text[1000];

static void load_and_renew(void *context)
{
	struct sc_value value;

	(void)context;
	sc_cache_clear(the.cache);
	for (int i = 0; i < 2; i++) {
		int rc = sc_cache_fetch(the.cache, SC_KEY(SC_TEXT_N(long_text, sizeof long_text)),
			&value, NULL);
		/* The loader may be the one that has no memory. */
		if (rc != SC_E_LOAD && rc != SC_STALE)
			sct_assert_done_or_out_of_memory(rc, SC_LOADED, NULL);
		assert_true(rc == SC_LOADED || sct_allocation_failed());
		sc_value_release(&value);
		the.now_ms += TTL;
	}
}

static void without_memory_the_load_fails(void **state)
{
	(void)state;
	sct_fail_each_allocation(load_and_renew, NULL);
}

static int load_for_a_minute(struct sc_load *load, void *context)
{
	(void)context;
	sc_load_set_ttl_ms(load, 60000);
	sc_load_set_stale_if_error_ms(load, -1);
	return sc_load_set_value(load, "minute", 6);
}

static int absent_for_a_minute(struct sc_load *load, void *context)
{
	sc_load_set_ttl_ms(load, *(int64_t *)context);
	return SC_E_ABSENT;
}

static int fails(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_fail(load, -1, "down");
}

/* freshness_model_test.c has all combinations. */
static void an_entry_may_have_times_of_its_own(void **state)
{
	struct sc_value value;
	int64_t absent_ms = 60000;

	(void)state;
	assert_int_equal(fetch_with(load_for_a_minute, NULL, "minute"), SC_LOADED);
	the.now_ms += 59999;
	sct_assert_get(the.cache, SC_KEY(1), "minute");
	the.now_ms += 1;
	assert_int_equal(fetch_with(fails, NULL, NULL), SC_E_LOAD);
	the.now_ms += 100000;
	assert_int_equal(fetch_with(absent_for_a_minute, &absent_ms, NULL), SC_E_ABSENT);
	the.now_ms += 59999;
	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL), SC_E_ABSENT);
	the.now_ms += 1;
	assert_fetch(SC_LOADED, "value", 0);
	absent_ms = -1;
	assert_int_equal(fetch_with(absent_for_a_minute, &absent_ms, NULL), SC_E_ABSENT);
	assert_fetch(SC_LOADED, "value", 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(an_unchanged_value_is_renewed),
		CASE(it_ends_with_its_entry),
		CASE(a_forced_fetch_may_find_it_unchanged),
		CASE(an_object_may_be_unchanged),
		CASE(what_happens_during_the_load_wins),
		CASE(what_the_loader_says_last_counts),
		CASE(without_an_old_value_nothing_is_unchanged),
		CASE(a_large_value_is_replaced),
		CASE(validators_of_every_length),
		CASE(a_validator_that_is_too_long_is_none),
		CASE(those_who_wait_get_it_too),
		CASE(a_loader_that_does_not_return),
		CASE(many_at_once),
		CASE(without_memory_the_load_fails),
		CASE(an_entry_may_have_times_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
