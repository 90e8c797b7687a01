/* Refreshes: their queue, when they run, and what ends them. freshness_model_test.c has the rules
 * of when one is due. */
#include "cache/cache_fixture.h"
#include "cache/invocation_edges.h"
#include "cache/out_of_memory.h"
#include "support/threads.h"

#include <scopecache/process.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TTL = 100, REFRESH = 50 };

static struct {
	struct sc_cache *cache;
	_Atomic int64_t now_ms;
	_Atomic int loads;
	_Atomic bool waits; /* the loader does, until this is false */
	_Atomic bool inside;
	int64_t takes_ms;
	int64_t remaining_ms; /* what the last loader was told */
	void (*then)(void);
} the;

static int load(struct sc_load *load, void *context)
{
	int number = ++the.loads;

	(void)context;
	the.remaining_ms = sc_load_remaining_ms(load);
	the.inside = true;
	sct_until(!the.waits);
	the.inside = false;
	if (the.takes_ms)
		usleep((useconds_t)the.takes_ms * 1000);
	if (the.then)
		the.then();
	return sc_load_set_value(load, &number, sizeof number);
}

static int set_up(void **state)
{
	(void)state;
	the.now_ms = 1000;
	the.loads = 0;
	the.waits = the.inside = false;
	the.takes_ms = 0;
	the.then = NULL;
	sc_process_set_refresh_budget_ms(500);
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = TTL, .refresh_after_ms = REFRESH,
		.stale_while_revalidate_ms = 1000, .loader = load, .max_bytes = 1 << 20,
		.clock = sct_clock_of(&the.now_ms)));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sc_cache_close(the.cache);
	return 0;
}

/* The number of the load that gave the value. */
static int fetch(int key, int outcome)
{
	struct sc_value value;
	int number;

	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(key), &value, NULL), outcome);
	assert_int_equal(value.len, sizeof number);
	memcpy(&number, value.data, sizeof number);
	sc_value_release(&value);
	return number;
}

static void a_fetch_returns_at_once(void **state)
{
	(void)state;
	assert_int_equal(fetch(1, SC_LOADED), 1);
	the.now_ms += REFRESH - 1;
	assert_int_equal(fetch(1, SC_HIT), 1);
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(the.loads, 1);
	the.now_ms += 1;
	/* However often it is fetched, one load is due. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(fetch(1, SC_HIT), 1);
	the.now_ms += TTL;
	assert_int_equal(fetch(1, SC_STALE), 1);
	assert_int_equal(the.loads, 1);
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(fetch(1, SC_HIT), 2);
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(the.loads, 2);
	assert_int_equal(sct_stats(the.cache).refreshes, 1);
}

static void after_the_answer(void **state)
{
	(void)state;
	sct_invocation_begin(5000);
	fetch(1, SC_LOADED);
	the.now_ms += REFRESH;
	fetch(1, SC_HIT);
	assert_int_equal(the.loads, 1);
	sct_invocation_end(4000);
	assert_int_equal(the.loads, 2);
	assert_in_range(the.remaining_ms, 0, 5000);
	/* Not without a budget. */
	sc_process_set_refresh_budget_ms(0);
	sct_invocation_begin(5000);
	the.now_ms += REFRESH;
	assert_int_equal(fetch(1, SC_HIT), 2);
	sct_invocation_end(4000);
	assert_int_equal(the.loads, 2);
	/* Nor after the deadline. */
	sc_process_set_refresh_budget_ms(UINT64_MAX);
	sct_invocation_begin(0);
	sct_invocation_end(0);
	assert_int_equal(the.loads, 2);
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(the.loads, 3);
}

/* Once it is known that refreshes take long, none begins for which there is no time. */
static void a_refresh_that_does_not_fit_waits(void **state)
{
	(void)state;
	fetch(1, SC_LOADED);
	fetch(2, SC_LOADED);
	the.takes_ms = 100;
	the.now_ms += REFRESH;
	fetch(1, SC_HIT);
	fetch(2, SC_HIT);
	assert_int_equal(sc_maintain(1), 1);
	assert_int_equal(the.loads, 3);
	assert_int_equal(sc_maintain(1), 1);
	assert_int_equal(the.loads, 3);
	assert_int_equal(sc_maintain(10000), 0);
	assert_int_equal(the.loads, 4);
	/* However many there are, none begins. */
	the.takes_ms = 0;
	the.now_ms += 1000000;
	for (int key = 10; key < 200; key++)
		fetch(key, SC_LOADED);
	the.now_ms += REFRESH;
	for (int key = 10; key < 200; key++)
		fetch(key, SC_HIT);
	int loads = the.loads;
	for (int i = 0; i < 3; i++)
		assert_int_equal(sc_maintain(20), 1);
	assert_int_equal(the.loads, loads);
	sc_cache_clear(the.cache);
	assert_int_equal(sc_maintain(10000), 0);
	assert_int_equal(the.loads, loads);
	/* A source that was slow once is tried again at last. */
	fetch(1, SC_LOADED);
	loads = the.loads;
	the.now_ms += REFRESH;
	fetch(1, SC_HIT);
	int tries = 0;
	while (sc_maintain(20))
		tries++;
	assert_in_range(tries, 1, 100);
	assert_int_equal(the.loads, loads + 1);
}

static void the_queue_is_bounded(void **state)
{
	(void)state;
	for (int key = 0; key < 1000; key++)
		fetch(key, SC_LOADED);
	the.now_ms += REFRESH;
	for (int key = 0; key < 1000; key++)
		fetch(key, SC_HIT);
	assert_int_equal(sc_maintain(100000), 0);
	assert_int_equal(the.loads, 1000 + 256);
	/* The first come first. */
	assert_int_equal(fetch(0, SC_HIT), 1001);
	assert_int_equal(fetch(255, SC_HIT), 1256);
	assert_int_equal(fetch(256, SC_HIT), 257);
}

static void what_is_not_due_any_more_is_not_loaded(void **state)
{
	(void)state;
	for (int key = 0; key < 4; key++)
		fetch(key, SC_LOADED);
	the.now_ms += REFRESH;
	for (int key = 0; key < 4; key++)
		fetch(key, SC_HIT);
	assert_int_equal(sct_put(the.cache, SC_KEY(0), "put!"), SC_OK);
	assert_int_equal(sc_cache_invalidate(the.cache, SC_KEY(1)), SC_HIT);
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(the.loads, 6);
	assert_int_equal(sct_stats(the.cache).refreshes, 2);
}

static void put_it(void)
{
	sct_put(the.cache, SC_KEY(1), "put!");
}

static void a_put_during_a_refresh_wins(void **state)
{
	(void)state;
	fetch(1, SC_LOADED);
	the.now_ms += REFRESH;
	fetch(1, SC_HIT);
	the.then = put_it;
	assert_int_equal(sc_maintain(1000), 0);
	sct_assert_get(the.cache, SC_KEY(1), "put!");
}

static void several_caches_have_one_queue(void **state)
{
	struct sc_cache *other = sct_cache_open(SC_CACHE_OPTIONS(.refresh_after_ms = 1,
		.loader = load, .clock = sct_clock_of(&the.now_ms)));
	struct sc_cache *first = the.cache;

	(void)state;
	fetch(1, SC_LOADED);
	the.cache = other;
	fetch(1, SC_LOADED);
	the.now_ms += REFRESH;
	fetch(1, SC_HIT);
	the.cache = first;
	fetch(1, SC_HIT);
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(the.loads, 4);
	assert_int_equal(sct_stats(other).refreshes, 1);
	/* One that is closed loads no more. */
	the.now_ms += REFRESH;
	the.cache = other;
	fetch(1, SC_HIT);
	the.cache = first;
	fetch(1, SC_HIT);
	sc_cache_close(other);
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(the.loads, 5);
}

static void expired_entries_are_reclaimed(void **state)
{
	(void)state;
	for (int key = 0; key < 300; key++)
		fetch(key, SC_LOADED);
	the.now_ms += TTL + 1000;
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(sct_stats(the.cache).entries, 0);
}

static void options_need_a_loader(void **state)
{
	struct sc_cache *cache;
	struct sc_error error;

	(void)state;
	assert_int_equal(sc_cache_open(&cache, SC_CACHE_OPTIONS(.refresh_after_ms = 5), &error),
		SC_E_INVAL);
	assert_non_null(strstr(error.message, "refresh_after_ms needs a loader"));
	assert_int_equal(
		sc_cache_open(&cache, SC_CACHE_OPTIONS(.stale_while_revalidate_ms = 5), &error),
		SC_E_INVAL);
	assert_non_null(strstr(error.message, "stale_while_revalidate_ms needs a loader"));
}

/* ---- Threads ---- */

static void *maintain(void *arg)
{
	sc_maintain(10000);
	return arg;
}

static void *close_it(void *arg)
{
	sc_cache_close(the.cache);
	return arg;
}

/* Closing waits for a refresh on another thread; meanwhile fetches get what is there. */
static void closing_waits_for_a_refresh(void **state)
{
	pthread_t maintains, closes;

	(void)state;
	fetch(1, SC_LOADED);
	the.now_ms += REFRESH;
	fetch(1, SC_HIT);
	the.waits = true;
	assert_int_equal(pthread_create(&maintains, NULL, maintain, NULL), 0);
	sct_until(the.inside);
	assert_int_equal(fetch(1, SC_HIT), 1);
	the.now_ms += TTL;
	assert_int_equal(fetch(1, SC_STALE), 1);
	assert_int_equal(pthread_create(&closes, NULL, close_it, NULL), 0);
	sct_until(sct_threads_waiting() == 1);
	the.waits = false;
	pthread_join(closes, NULL);
	pthread_join(maintains, NULL);
	assert_int_equal(the.loads, 2);
	set_up(NULL);
}

static _Atomic bool clock_waits, in_clock;

static int64_t read_waiting_clock(void *none)
{
	(void)none;
	in_clock = true;
	sct_until(!clock_waits);
	in_clock = false;
	return the.now_ms;
}

/* The clock's context may be freed once its cache is closed. */
static void closing_waits_for_maintenance(void **state)
{
	const struct sc_clock clock = { .now_ms = read_waiting_clock };
	pthread_t maintains, closes;

	(void)state;
	sc_cache_close(the.cache);
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = TTL, .clock = &clock));
	assert_int_equal(sct_put(the.cache, SC_KEY(1), "x"), SC_OK);
	clock_waits = true;
	assert_int_equal(pthread_create(&maintains, NULL, maintain, NULL), 0);
	sct_until(in_clock);
	assert_int_equal(pthread_create(&closes, NULL, close_it, NULL), 0);
	sct_until(sct_threads_waiting() == 1);
	clock_waits = false;
	pthread_join(closes, NULL);
	pthread_join(maintains, NULL);
	set_up(NULL);
}

static void end_the_thread(void)
{
	pthread_exit(NULL);
}

static void a_loader_that_does_not_return(void **state)
{
	pthread_t thread;

	(void)state;
	fetch(1, SC_LOADED);
	the.now_ms += REFRESH;
	fetch(1, SC_HIT);
	the.then = end_the_thread;
	assert_int_equal(pthread_create(&thread, NULL, maintain, NULL), 0);
	pthread_join(thread, NULL);
	the.then = NULL;
	assert_int_equal(fetch(1, SC_HIT), 1);
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(fetch(1, SC_HIT), 3);
}

#define THREADS 4u

static void use_it_all(unsigned thread, void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++) {
		struct sc_value value;
		if (thread == 0 && i % 10 == 0)
			the.now_ms += 7;
		if (i % 50 == (int)thread)
			sc_maintain(1);
		sct_check(sc_cache_fetch(the.cache, SC_KEY(i % 20), &value, NULL) > 0);
		sc_value_release(&value);
	}
}

static void threads_fetch_and_refresh_together(void **state)
{
	(void)state;
	sct_threads_run(THREADS, use_it_all, NULL);
	assert_true(sct_stats(the.cache).refreshes > 0);
	assert_int_equal(sct_stats(the.cache).pinned, 0);
}

/* A child may close a cache that another thread of its parent was refreshing. */
static void a_child_does_not_wait_for_refreshes_of_its_parent(void **state)
{
	pthread_t thread;
	int status;

	(void)state;
	fetch(1, SC_LOADED);
	the.now_ms += REFRESH;
	fetch(1, SC_HIT);
	the.waits = true;
	assert_int_equal(pthread_create(&thread, NULL, maintain, NULL), 0);
	sct_until(the.inside);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		alarm(20);
		the.waits = false;
		sc_cache_close(the.cache);
		_exit(7);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	the.waits = false;
	pthread_join(thread, NULL);
}

/* ---- Out of memory ---- */

static void refresh_what_is_due(void *arg)
{
	struct sc_value value;

	(void)arg;
	the.now_ms += REFRESH;
	int rc = sc_cache_fetch(the.cache, SC_KEY(1), &value, NULL);
	/* The request is dropped, or its load fails, and the value stays. */
	assert_true(rc == SC_HIT || rc == SC_STALE);
	sc_value_release(&value);
	assert_int_equal(sc_maintain(1000), 0);
}

static void without_memory_the_value_stays(void **state)
{
	(void)state;
	fetch(1, SC_LOADED);
	sct_fail_each_allocation(refresh_what_is_due, NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_fetch_returns_at_once),
		CASE(after_the_answer),
		CASE(a_refresh_that_does_not_fit_waits),
		CASE(the_queue_is_bounded),
		CASE(what_is_not_due_any_more_is_not_loaded),
		CASE(a_put_during_a_refresh_wins),
		CASE(several_caches_have_one_queue),
		CASE(expired_entries_are_reclaimed),
		CASE(options_need_a_loader),
		CASE(closing_waits_for_a_refresh),
		CASE(closing_waits_for_maintenance),
		CASE(a_loader_that_does_not_return),
		CASE(threads_fetch_and_refresh_together),
		CASE(a_child_does_not_wait_for_refreshes_of_its_parent),
		CASE(without_memory_the_value_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
