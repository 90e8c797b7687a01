/* Loads that take long: what a loader is told, when those who wait for it give up, and what they
 * get. */
#include "cache/cache_fixture.h"
#include "cache/invocation_edges.h"
#include "support/threads.h"

#include <pthread.h>
#include <unistd.h>

enum { TTL = 100, STALE = 1000 };

static struct {
	struct sc_cache *cache;
	_Atomic int64_t now_ms;
	_Atomic int loads;
	_Atomic bool waits; /* the loader does, until this is false */
	_Atomic bool inside;
	int64_t remaining_ms; /* what it was told */
	useconds_t takes_us;
} the;

static int load(struct sc_load *load, void *context)
{
	(void)context;
	the.loads++;
	the.remaining_ms = sc_load_remaining_ms(load);
	the.inside = true;
	sct_until(!the.waits);
	the.inside = false;
	if (the.takes_us)
		usleep(the.takes_us);
	return sc_load_set_value(load, "value", 5);
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
	memset(&the, 0, sizeof the);
	the.now_ms = 1000000;
	open_with(*SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = STALE,
		.load_timeout_ms = 20));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(sct_stats(the.cache).pinned, 0);
	sc_cache_close(the.cache);
	return 0;
}

static int fetch_with(const struct sc_fetch_options *options, struct sc_error *error)
{
	struct sc_value value;

	int rc = sc_cache_fetch_with(the.cache, SC_KEY(1), options, &value, error);
	sct_check(rc < 0 || (value.len == 5 && memcmp(value.data, "value", 5) == 0));
	sc_value_release(&value);
	return rc;
}

static void *load_on_a_thread(void *arg)
{
	(void)arg;
	sct_check(fetch_with(NULL, NULL) == SC_LOADED);
	return NULL;
}

/* A load on another thread that does not end before end_load(). */
static pthread_t begin_load(void)
{
	pthread_t thread;

	the.waits = true;
	assert_int_equal(pthread_create(&thread, NULL, load_on_a_thread, NULL), 0);
	sct_until(the.inside);
	return thread;
}

static void end_load(pthread_t thread)
{
	the.waits = false;
	pthread_join(thread, NULL);
}

static void those_who_wait_give_up(void **state)
{
	struct sc_error error = { 0 };

	(void)state;
	pthread_t thread = begin_load();
	/* The second comes when the time is over. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fetch_with(NULL, &error), SC_E_DEADLINE);
		assert_int_equal(error.code, SC_E_DEADLINE);
		assert_string_equal(error.message,
			"the load, on another thread, takes longer than load_timeout_ms");
		assert_int_equal(fetch_with(NULL, NULL), SC_E_DEADLINE);
	}
	end_load(thread);
	assert_int_equal(sct_stats(the.cache).load_timeouts, 4);
	/* Nothing interrupted it. */
	assert_int_equal(fetch_with(NULL, NULL), SC_HIT);
	assert_int_equal(the.loads, 1);
}

static void they_take_what_is_stale(void **state)
{
	const struct sc_key keys[] = { SC_KEY(1), SC_KEY(1) };
	struct sc_fetch_result results[2];

	(void)state;
	assert_int_equal(fetch_with(NULL, NULL), SC_LOADED);
	the.now_ms += TTL;
	pthread_t thread = begin_load();
	assert_int_equal(fetch_with(NULL, NULL), SC_STALE);
	assert_int_equal(sc_cache_fetch_many(the.cache, keys, 2, NULL, results), 2);
	assert_int_equal(results[0].outcome, SC_STALE);
	assert_int_equal(results[1].value.remaining_ms, 0);
	sc_fetch_results_release(results, 2);
	assert_int_equal(sct_stats(the.cache).stale, 3);
	/* Not for longer than its time. */
	the.now_ms += STALE;
	assert_int_equal(fetch_with(NULL, NULL), SC_E_DEADLINE);
	end_load(thread);
	assert_int_equal(fetch_with(NULL, NULL), SC_HIT);
}

/* Their own deadline is a reason too. */
static void a_deadline_passes(void **state)
{
	const struct sc_fetch_options *without = SC_FETCH_OPTIONS(.load_timeout_ms = SC_NO_END);
	struct sc_error error = { 0 };

	(void)state;
	pthread_t thread = begin_load();
	sct_invocation_begin(10);
	assert_int_equal(fetch_with(without, &error), SC_E_DEADLINE);
	assert_string_equal(error.message, "the deadline has passed");
	sct_invocation_end(0);
	end_load(thread);
	assert_int_equal(sct_stats(the.cache).load_timeouts, 0);
	the.now_ms += TTL;
	thread = begin_load();
	sct_invocation_begin(10);
	assert_int_equal(fetch_with(without, &error), SC_STALE);
	sct_invocation_end(0);
	end_load(thread);
}

static void a_fetch_may_have_a_timeout_of_its_own(void **state)
{
	struct sc_error error = { 0 };

	(void)state;
	sc_cache_close(the.cache);
	open_with(*SC_CACHE_OPTIONS(.ttl_ms = TTL));
	pthread_t thread = begin_load();
	assert_int_equal(the.remaining_ms, SC_NO_DEADLINE);
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.load_timeout_ms = 1), &error), SC_E_DEADLINE);
	end_load(thread);
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.load_timeout_ms = -1), &error), SC_E_INVAL);
	assert_string_equal(error.message,
		"load_timeout_ms is negative: 0 is the cache's, and SC_NO_END is none");
}

static void the_loader_is_told(void **state)
{
	(void)state;
	assert_int_equal(fetch_with(NULL, NULL), SC_LOADED);
	assert_true(the.remaining_ms > 0 && the.remaining_ms <= 20);
	the.now_ms += TTL;
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.load_timeout_ms = 5000), NULL), SC_LOADED);
	assert_true(the.remaining_ms > 20 && the.remaining_ms <= 5000);
	/* Whatever is over first. */
	the.now_ms += TTL;
	sct_invocation_begin(500000);
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.load_timeout_ms = 400000), NULL), SC_LOADED);
	assert_true(the.remaining_ms > 20 && the.remaining_ms <= 400000);
	the.now_ms += TTL;
	assert_int_equal(fetch_with(SC_FETCH_OPTIONS(.load_timeout_ms = 900000), NULL), SC_LOADED);
	assert_true(the.remaining_ms > 400000 && the.remaining_ms <= 500000);
	sct_invocation_end(0);
}

static int load_many(struct sc_load *const *loads, size_t count, void *context)
{
	for (size_t i = 0; i < count; i++)
		load(loads[i], context);
	return 0;
}

static void so_is_a_batch_loader(void **state)
{
	const struct sc_key keys[] = { SC_KEY(1), SC_KEY(2) };
	struct sc_fetch_result results[2];

	(void)state;
	sc_cache_close(the.cache);
	open_with(*SC_CACHE_OPTIONS(.ttl_ms = TTL, .batch_loader = load_many,
		.load_timeout_ms = 300000));
	assert_int_equal(sc_cache_fetch_many(the.cache, keys, 2, NULL, results), 2);
	assert_true(the.remaining_ms > 0 && the.remaining_ms <= 300000);
	sc_fetch_results_release(results, 2);
}

/* A load that would end after the deadline does not begin, if there is a stale value. */
static void a_load_that_would_overrun(void **state)
{
	(void)state;
	the.takes_us = 200 * 1000;
	assert_int_equal(fetch_with(NULL, NULL), SC_LOADED);
	the.now_ms += TTL;
	sct_invocation_begin(50);
	assert_int_equal(fetch_with(NULL, NULL), SC_STALE);
	assert_int_equal(the.loads, 1);
	sct_invocation_end(0);
	/* Nor after the answer. */
	assert_int_equal(the.loads, 1);
	sct_invocation_begin(600000);
	assert_int_equal(fetch_with(NULL, NULL), SC_LOADED);
	sct_invocation_end(0);
	/* Without one, it is tried. */
	sc_cache_clear(the.cache);
	sct_invocation_begin(50);
	assert_int_equal(fetch_with(NULL, NULL), SC_LOADED);
	sct_invocation_end(0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(those_who_wait_give_up),
		CASE(they_take_what_is_stale),
		CASE(a_deadline_passes),
		CASE(a_fetch_may_have_a_timeout_of_its_own),
		CASE(the_loader_is_told),
		CASE(so_is_a_batch_loader),
		CASE(a_load_that_would_overrun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
