/* What a fetch returns when loads fail or find nothing: stale values, remembered absences, and the
 * time between two loads. Also jitter, ages and generations. */
#include "cache/cache_fixture.h"
#include "support/threads.h"

#include <scopecache/memo.h>

#include <pthread.h>
#include <stdlib.h>

enum { TTL = 100, STALE = 1000, RETRY = 50, NEGATIVE = 30 };

/* What the loader does next. */
enum does { GIVES, FINDS_NOTHING, FAILS };

static struct {
	struct sc_cache *cache;
	_Atomic int64_t now_ms;
	enum does does;
	_Atomic int loads;
	int64_t retry_after_ms; /* what the loader says */
	unsigned waiters;       /* it ends when so many wait for it */
} the;

static int load(struct sc_load *load, void *context)
{
	(void)context;
	the.loads++;
	if (the.waiters)
		sct_until(sct_threads_waiting() == the.waiters);
	if (the.does == FINDS_NOTHING)
		return SC_E_ABSENT;
	if (the.does == GIVES)
		return sc_load_set_value(load, "value", 5);
	sc_load_set_kind(load, SC_LOAD_THROTTLED);
	sc_load_set_retry_after_ms(load, the.retry_after_ms);
	return sc_load_fail(load, -77, "the source is %s", "down");
}

static void open_with(struct sc_cache_options options)
{
	options.loader = load;
	options.clock = sct_clock_of(&the.now_ms);
	the.cache = sct_cache_open(&options);
}

static int set_up(void **state)
{
	(void)state;
	the.now_ms = 1000000;
	the.does = GIVES;
	the.loads = 0;
	the.retry_after_ms = 0;
	the.waiters = 0;
	open_with(*SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = STALE,
		.retry_after_ms = RETRY, .negative_ttl_ms = NEGATIVE));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(sct_stats(the.cache).pinned, 0);
	sc_cache_close(the.cache);
	return 0;
}

static void reopen(const struct sc_cache_options *options)
{
	sc_cache_close(the.cache);
	open_with(*options);
}

static struct sc_value fetch_as(int outcome, int loads)
{
	struct sc_error error = { 0 };
	struct sc_value value;
	int before = the.loads;

	int rc = sc_cache_fetch(the.cache, SC_KEY(1), &value, &error);
	if (rc != outcome)
		fail_msg("%d in place of %d: %s", rc, outcome, error.message);
	assert_int_equal(the.loads - before, loads);
	if (rc > 0)
		sct_assert_value(&value, "value");
	else
		sct_assert_no_value(&value);
	return value;
}

static void assert_fetch(int outcome, int loads)
{
	struct sc_value value = fetch_as(outcome, loads);

	sc_value_release(&value);
}

static void assert_fetch_fails(int loads, int64_t retry_after_ms)
{
	struct sc_error error = { 0 };
	struct sc_value value;
	int before = the.loads;

	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(1), &value, &error), SC_E_LOAD);
	sct_assert_no_value(&value);
	assert_int_equal(the.loads - before, loads);
	assert_int_equal(error.code, SC_E_LOAD);
	assert_int_equal(error.user_code, -77);
	assert_int_equal(error.kind, SC_LOAD_THROTTLED);
	assert_int_equal(error.retry_after_ms, retry_after_ms);
	assert_string_equal(error.message, "the source is down");
	/* The error may be NULL. */
	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL), SC_E_LOAD);
}

/* ---- Stale values ---- */

static void a_stale_value_outlives_a_source_that_is_down(void **state)
{
	(void)state;
	assert_fetch(SC_LOADED, 1);
	assert_fetch(SC_HIT, 0);
	the.does = FAILS;
	the.now_ms += TTL;
	assert_fetch(SC_STALE, 1);
	/* The next load waits. */
	the.now_ms += RETRY - 1;
	assert_fetch(SC_STALE, 0);
	the.now_ms += 1;
	assert_fetch(SC_STALE, 1);
	the.does = GIVES;
	the.now_ms += 2 * RETRY - 1;
	assert_fetch(SC_STALE, 0);
	the.now_ms += 1;
	assert_fetch(SC_LOADED, 1);
	assert_fetch(SC_HIT, 0);
	assert_int_equal(sct_stats(the.cache).stale, 4);
	assert_int_equal(sct_stats(the.cache).load_failures, 2);
}

static void a_stale_value_ends(void **state)
{
	(void)state;
	assert_fetch(SC_LOADED, 1);
	the.does = FAILS;
	the.now_ms += TTL + STALE - 1;
	assert_fetch(SC_STALE, 1);
	the.now_ms += RETRY;
	assert_fetch_fails(1, RETRY);
}

/* As if there were none. */
static void others_do_not_see_a_stale_value(void **state)
{
	struct sc_iterator *iterator;
	const struct sc_key *key;
	struct sc_value value;
	char bytes[8];
	size_t len;

	(void)state;
	assert_fetch(SC_LOADED, 1);
	sct_assert_get(the.cache, SC_KEY(1), "value");
	the.now_ms += TTL;
	sct_assert_get(the.cache, SC_KEY(1), NULL);
	assert_int_equal(sc_cache_get(the.cache, SC_KEY(1), bytes, 1, &len), SC_MISS);
	assert_int_equal(sc_cache_acquire(the.cache, SC_KEY(1), &value), SC_MISS);
	assert_int_equal(sc_cache_peek(the.cache, SC_KEY(1), &value), SC_MISS);
	assert_int_equal(sc_iterator_open(&iterator, the.cache), 0);
	assert_int_equal(sc_iterator_next(iterator, &key), SC_MISS);
	sc_iterator_close(iterator);
	the.does = FAILS;
	assert_fetch(SC_STALE, 1);
	assert_int_equal(sct_stats(the.cache).hits, 1);
}

static int give_old_or_nothing(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_old(load) ? sc_load_set_value(load, "more", 4) : SC_E_ABSENT;
}

static void an_update_begins_with_a_fresh_value_alone(void **state)
{
	(void)state;
	assert_fetch(SC_LOADED, 1);
	the.now_ms += TTL;
	assert_int_equal(
		sc_cache_update(the.cache, SC_KEY(1), give_old_or_nothing, NULL, NULL, NULL),
		SC_E_ABSENT);
	/* It is gone. */
	the.does = FAILS;
	assert_fetch_fails(1, RETRY);
}

static void what_changes_the_entry_ends_the_wait(void **state)
{
	(void)state;
	the.does = FAILS;
	assert_fetch_fails(1, RETRY);
	assert_int_equal(sct_put(the.cache, SC_KEY(1), "value"), SC_OK);
	assert_fetch(SC_HIT, 0);
	the.now_ms += TTL;
	assert_fetch(SC_STALE, 1);
	assert_int_equal(sc_cache_invalidate(the.cache, SC_KEY(1)), SC_HIT);
	assert_fetch_fails(1, RETRY);
	sc_cache_clear(the.cache);
	assert_fetch_fails(1, RETRY);
}

static void objects_become_stale_too(void **state)
{
	static int thing;
	const struct sc_object object = { .pointer = &thing, .weight = 8 };
	struct sc_value value;

	(void)state;
	assert_int_equal(sc_cache_put_object(the.cache, SC_KEY(1), &object, NULL), SC_OK);
	the.does = FAILS;
	the.now_ms += TTL + 5;
	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL), SC_STALE);
	assert_ptr_equal(value.data, &thing);
	assert_int_equal(value.remaining_ms, -5);
	sc_value_release(&value);
}

/* ---- The time between two loads ---- */

static void each_failure_in_a_row_doubles_the_wait(void **state)
{
	int64_t wait_ms = RETRY;

	(void)state;
	the.does = FAILS;
	for (int failure = 0; failure < 300; failure++) {
		assert_fetch_fails(1, wait_ms);
		the.now_ms += wait_ms - 1;
		assert_fetch_fails(0, 1);
		the.now_ms += 1;
		wait_ms = failure < 5 ? 2 * wait_ms : 32 * RETRY;
	}
	the.does = GIVES;
	assert_fetch(SC_LOADED, 1);
	the.does = FAILS;
	the.now_ms += TTL + STALE;
	assert_fetch_fails(1, RETRY);
	assert_int_equal(sct_stats(the.cache).known_failures, 3 * 300 + 1);
}

static void the_source_may_ask_for_a_longer_wait(void **state)
{
	(void)state;
	the.does = FAILS;
	the.retry_after_ms = 10 * RETRY;
	assert_fetch_fails(1, 10 * RETRY);
	the.now_ms += 10 * RETRY - 1;
	assert_fetch_fails(0, 1);
	the.now_ms += 1;
	the.retry_after_ms = INT64_MAX;
	assert_fetch_fails(1, INT64_MAX);
	the.now_ms += INT64_C(1) << 50;
	assert_fetch_fails(0, INT64_MAX - the.now_ms);
}

static void without_the_options_each_fetch_loads(void **state)
{
	struct sc_value value;

	(void)state;
	reopen(SC_CACHE_OPTIONS(.ttl_ms = TTL));
	the.retry_after_ms = RETRY;
	the.does = FAILS;
	for (int i = 0; i < 3; i++) {
		struct sc_error error = { 0 };
		assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(1), &value, &error), SC_E_LOAD);
		assert_int_equal(error.retry_after_ms, RETRY);
		assert_int_equal(the.loads, i + 1);
	}
}

static void stale_values_bring_a_wait_of_a_second(void **state)
{
	(void)state;
	reopen(SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = 5000));
	assert_fetch(SC_LOADED, 1);
	the.does = FAILS;
	the.now_ms += TTL;
	assert_fetch(SC_STALE, 1);
	the.now_ms += 999;
	assert_fetch(SC_STALE, 0);
	the.now_ms += 1;
	assert_fetch(SC_STALE, 1);
}

/* ---- Absences ---- */

static void an_absence_is_remembered(void **state)
{
	(void)state;
	the.does = FINDS_NOTHING;
	assert_fetch(SC_E_ABSENT, 1);
	the.now_ms += NEGATIVE - 1;
	assert_fetch(SC_E_ABSENT, 0);
	sct_assert_get(the.cache, SC_KEY(1), NULL);
	the.now_ms += 1;
	assert_fetch(SC_E_ABSENT, 1);
	assert_int_equal(sct_put(the.cache, SC_KEY(1), "value"), SC_OK);
	assert_fetch(SC_HIT, 0);
	assert_int_equal(sct_stats(the.cache).known_absences, 1);
}

/* The source knows better than a stale value. */
static void an_absence_ends_a_stale_value(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		reopen(SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = STALE,
			.negative_ttl_ms = i ? NEGATIVE : 0));
		the.does = GIVES;
		assert_fetch(SC_LOADED, 1);
		the.now_ms += TTL;
		the.does = FINDS_NOTHING;
		assert_fetch(SC_E_ABSENT, 1);
		the.does = FAILS;
		assert_fetch(i ? SC_E_ABSENT : SC_E_LOAD, i ? 0 : 1);
	}
}

/* ---- Options of a fetch ---- */

static int fetch_with(const struct sc_fetch_options *options)
{
	struct sc_value value;
	int rc = sc_cache_fetch_with(the.cache, SC_KEY(1), options, &value, NULL);

	sc_value_release(&value);
	return rc;
}

static void a_fetch_may_want_a_younger_value(void **state)
{
	(void)state;
	assert_fetch(SC_LOADED, 1);
	the.now_ms += 20;
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.max_age_ms = 20)), SC_HIT);
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.max_age_ms = 19)), SC_LOADED);
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.max_age_ms = 19)), SC_HIT);
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.force = 1)), SC_LOADED);
	the.does = FAILS;
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.force = 1)), SC_STALE);
	assert_fetch(SC_HIT, 0);
	the.does = FINDS_NOTHING;
	sc_cache_clear(the.cache);
	assert_fetch(SC_E_ABSENT, 1);
	the.does = GIVES;
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.force = 1)), SC_LOADED);
}

static void a_fetch_in_a_cache_without_times(void **state)
{
	struct sc_error error;
	struct sc_value value;

	(void)state;
	reopen(SC_CACHE_OPTIONS(.ttl_ms = TTL));
	assert_fetch(SC_LOADED, 1);
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.force = 1)), SC_LOADED);
	assert_int_equal(sc_cache_fetch_with(the.cache, SC_KEY(1),
				 SC_FETCH_OPTIONS(.max_age_ms = 5), &value, &error),
		SC_E_INVAL);
	assert_non_null(strstr(error.message, ".track_age = 1"));
	assert_int_equal(sc_cache_fetch_with(the.cache, SC_KEY(1),
				 SC_FETCH_OPTIONS(.max_age_ms = -5), &value, &error),
		SC_E_INVAL);
	assert_non_null(strstr(error.message, "max_age_ms is negative"));
}

/* ---- Ages and generations ---- */

static void a_value_has_an_age(void **state)
{
	struct sc_value value;

	(void)state;
	reopen(SC_CACHE_OPTIONS(.track_age = 1));
	value = fetch_as(SC_LOADED, 1);
	uint64_t generation = value.generation;
	assert_true(generation > 0);
	assert_int_equal(value.age_ms, 0);
	assert_true(value.remaining_ms == SC_NO_END);
	sc_value_release(&value);
	the.now_ms += 7;
	value = fetch_as(SC_HIT, 0);
	assert_int_equal(value.generation, generation);
	assert_int_equal(value.age_ms, 7);
	assert_true(value.remaining_ms == SC_NO_END);
	sc_value_release(&value);
	assert_int_equal(
		sc_cache_put_with(the.cache, SC_KEY(1), "value", 5, SC_PUT_OPTIONS(.ttl_ms = 50)),
		SC_OK);
	the.now_ms += 9;
	assert_int_equal(sc_cache_acquire(the.cache, SC_KEY(1), &value), SC_HIT);
	assert_true(value.generation > generation);
	assert_int_equal(value.age_ms, 9);
	assert_int_equal(value.remaining_ms, 41);
	sc_value_release(&value);
	the.now_ms += 41;
	assert_fetch(SC_LOADED, 1);
}

static void without_the_options_there_is_none(void **state)
{
	struct sc_value value;

	(void)state;
	reopen(SC_CACHE_OPTIONS(.ttl_ms = TTL));
	for (int i = 0; i < 2; i++) {
		value = fetch_as(i ? SC_HIT : SC_LOADED, !i);
		assert_int_equal(value.generation, 0);
		assert_int_equal(value.age_ms, 0);
		assert_int_equal(value.remaining_ms, 0);
		sc_value_release(&value);
	}
}

/* An idle time ends a value, fresh or stale. */
static void an_idle_value_is_not_returned_stale(void **state)
{
	(void)state;
	reopen(SC_CACHE_OPTIONS(.ttl_ms = TTL, .tti_ms = 40, .stale_if_error_ms = STALE));
	assert_fetch(SC_LOADED, 1);
	for (int i = 0; i < 2; i++) {
		the.now_ms += 39;
		assert_fetch(SC_HIT, 0);
	}
	the.does = FAILS;
	the.now_ms += 39;
	assert_fetch(SC_STALE, 1);
	the.now_ms += 39;
	assert_fetch(SC_STALE, 0);
	the.now_ms += 40;
	assert_fetch(SC_E_LOAD, 1);
}

/* ---- Jitter ---- */

static void times_to_live_differ_by_the_jitter(void **state)
{
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	reopen(SC_CACHE_OPTIONS(.ttl_ms = 10000, .jitter_percent = 20, .track_age = 1));
	for (int key = 0; key < 500; key++) {
		struct sc_value value;
		assert_int_equal(sct_put(the.cache, SC_KEY(key), "x"), SC_OK);
		assert_int_equal(sc_cache_acquire(the.cache, SC_KEY(key), &value), SC_HIT);
		least = value.remaining_ms < least ? value.remaining_ms : least;
		most = value.remaining_ms > most ? value.remaining_ms : most;
		sc_value_release(&value);
	}
	assert_in_range(least, 8000, 8300);
	assert_in_range(most, 9700, 10000);
	/* Also the longest and the shortest. */
	reopen(SC_CACHE_OPTIONS(.jitter_percent = 100, .track_age = 1));
	for (int key = 0; key < 500; key++) {
		struct sc_value value;
		const int64_t ttls[] = { 1, 2, SC_NO_END - 1, SC_NO_END, INT64_C(1) << 40 };
		int64_t ttl_ms = ttls[key % 5];
		assert_int_equal(sc_cache_put_with(the.cache, SC_KEY(key), "x", 1,
					 SC_PUT_OPTIONS(.ttl_ms = ttl_ms)),
			SC_OK);
		assert_int_equal(sc_cache_acquire(the.cache, SC_KEY(key), &value), SC_HIT);
		assert_true(value.remaining_ms > 0 && value.remaining_ms <= ttl_ms);
		sc_value_release(&value);
	}
}

/* ---- Several threads, many keys, memos ---- */

static void *fetch_on_a_thread(void *outcome)
{
	struct sc_value value;

	*(int *)outcome = sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL);
	sc_value_release(&value);
	return NULL;
}

static void waiters_of_a_load_that_fails_get_the_stale_value(void **state)
{
	pthread_t threads[4];
	int outcomes[4];

	(void)state;
	assert_fetch(SC_LOADED, 1);
	the.does = FAILS;
	the.now_ms += TTL;
	the.waiters = 3;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fetch_on_a_thread, &outcomes[i]),
			0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(outcomes[i], SC_STALE);
	}
	assert_int_equal(the.loads, 2);
}

static int load_many(struct sc_load *const *loads, size_t count, void *context)
{
	for (size_t i = 0; i < count; i++)
		load(loads[i], context);
	return the.does == FAILS ? -5 : 0;
}

static void many_keys_at_once_have_the_same_rules(void **state)
{
	const struct sc_key keys[] = { SC_KEY(1), SC_KEY(2) };
	struct sc_fetch_result results[2];

	(void)state;
	for (int batch = 0; batch < 2; batch++) {
		reopen(SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = STALE,
			.retry_after_ms = RETRY, .negative_ttl_ms = NEGATIVE,
			.batch_loader = batch ? load_many : NULL));
		the.does = GIVES;
		assert_fetch(SC_LOADED, 1);
		the.now_ms += TTL;
		the.does = FAILS;
		for (int i = 0; i < 2; i++) {
			assert_int_equal(sc_cache_fetch_many(the.cache, keys, 2, NULL, results), 1);
			assert_int_equal(results[0].outcome, SC_STALE);
			sct_assert_value(&results[0].value, "value");
			assert_int_equal(results[0].error.code, 0);
			assert_int_equal(results[1].outcome, SC_E_LOAD);
			assert_int_equal(results[1].error.retry_after_ms, RETRY);
			assert_int_equal(sct_stats(the.cache).load_failures, 2);
			sc_fetch_results_release(results, 2);
		}
	}
}

static void a_memo_has_the_same_rules(void **state)
{
	struct sc_memo memo;
	struct sc_value value;

	(void)state;
	assert_int_equal(sc_memo_init(&memo, load, NULL,
				 SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = STALE,
					 .clock = sct_clock_of(&the.now_ms)),
				 NULL),
		0);
	assert_int_equal(sc_memo_call(&memo, SC_KEY(1), &value, NULL), SC_LOADED);
	sc_value_release(&value);
	the.does = FAILS;
	the.now_ms += TTL;
	assert_int_equal(sc_memo_call(&memo, SC_KEY(1), &value, NULL), SC_STALE);
	sc_value_release(&value);
	sc_memo_fini(&memo);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_stale_value_outlives_a_source_that_is_down),
		CASE(a_stale_value_ends),
		CASE(others_do_not_see_a_stale_value),
		CASE(an_update_begins_with_a_fresh_value_alone),
		CASE(what_changes_the_entry_ends_the_wait),
		CASE(objects_become_stale_too),
		CASE(each_failure_in_a_row_doubles_the_wait),
		CASE(the_source_may_ask_for_a_longer_wait),
		CASE(without_the_options_each_fetch_loads),
		CASE(stale_values_bring_a_wait_of_a_second),
		CASE(an_absence_is_remembered),
		CASE(an_absence_ends_a_stale_value),
		CASE(a_fetch_may_want_a_younger_value),
		CASE(a_fetch_in_a_cache_without_times),
		CASE(a_value_has_an_age),
		CASE(without_the_options_there_is_none),
		CASE(an_idle_value_is_not_returned_stale),
		CASE(times_to_live_differ_by_the_jitter),
		CASE(waiters_of_a_load_that_fails_get_the_stale_value),
		CASE(many_keys_at_once_have_the_same_rules),
		CASE(a_memo_has_the_same_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
