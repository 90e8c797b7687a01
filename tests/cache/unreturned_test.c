/* User code that does not return, because its thread ends by pthread_exit() or cancellation: every
 * flight is completed and every resource freed. throwing_test.cpp tests exceptions. */
#include "cache/cache_fixture.h"
#include "cache/fetch_with_loader.h"
#include "support/threads.h"

#include <scopecache/resource.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* How the thread that runs the user's code ends. */
typedef void (*end_fn)(void);

static void end_by_exit(void)
{
	pthread_exit(NULL);
}

static void end_by_cancellation(void)
{
	pthread_cancel(pthread_self());
	pthread_testcancel();
	abort(); /* the cancelled thread continued */
}

static const end_fn endings[] = { end_by_exit, end_by_cancellation };
#define ENDINGS (sizeof endings / sizeof endings[0])

/* The state that all threads of a case share. */
static struct {
	end_fn end;
	struct sc_cache *cache;
	struct sc_resource *resource;
	unsigned waiters;  /* the code ends when this many threads wait for it */
	_Atomic int begun; /* how often the code was called */
	_Atomic bool good; /* the code returns after all */
	_Atomic int freed;
} the;

/* Run `body` on a thread, and wait for the thread's end. */
static void run_to_its_end(void *(*body)(void *))
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, body, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void return_or_end(void)
{
	the.begun++;
	if (the.good)
		return;
	sct_until(sct_threads_waiting() == the.waiters);
	the.end();
}

static int load(struct sc_load *load, void *context)
{
	(void)context;
	/* An object that was given and is freed. */
	sct_check(sc_load_set_value(load, "given", 5) == 0);
	return_or_end();
	return sc_load_set_value(load, "good", 4);
}

static void *fetch(void *arg)
{
	struct sc_value value;

	sct_fetch(the.cache, SC_KEY(1), load, NULL, &value, NULL);
	sc_value_release(&value);
	return arg;
}

static void assert_fetches(const char *text, int outcome)
{
	struct sc_error error = { 0 };
	struct sc_value value;

	the.good = true;
	int rc = sct_fetch(the.cache, SC_KEY(1), load, NULL, &value, &error);
	if (rc < 0)
		fail_msg("%s", error.message);
	assert_int_equal(rc, outcome);
	assert_int_equal(value.len, strlen(text));
	assert_memory_equal(value.data, text, value.len);
	sc_value_release(&value);
	the.good = false;
}

/* ---- Loaders ---- */

static void *find_the_failure(void *arg)
{
	struct sc_error error = { 0 };
	struct sc_value value;

	sct_check(sct_fetch(the.cache, SC_KEY(1), load, NULL, &value, &error) == SC_E_LOAD);
	sct_check(strstr(error.message, "did not return"));
	sct_check(!value.data);
	return arg;
}

#define WAITERS 3u

static void load_in_vain(end_fn end)
{
	pthread_t leader, waiter[WAITERS];

	the.end = end;
	the.waiters = WAITERS;
	the.cache = sct_cache_open(NULL);
	assert_int_equal(pthread_create(&leader, NULL, fetch, NULL), 0);
	sct_until(sct_stats(the.cache).misses == 1);
	for (unsigned i = 0; i < WAITERS; i++)
		assert_int_equal(pthread_create(&waiter[i], NULL, find_the_failure, NULL), 0);
	pthread_join(leader, NULL);
	for (unsigned i = 0; i < WAITERS; i++)
		pthread_join(waiter[i], NULL);
	the.waiters = 0;
	assert_int_equal(sct_stats(the.cache).load_failures, 1);
	assert_fetches("good", SC_LOADED);
	assert_fetches("good", SC_HIT);
	sc_cache_close(the.cache);
}

static void a_loader_that_does_not_return(void **state)
{
	(void)state;
	for (size_t i = 0; i < ENDINGS; i++)
		load_in_vain(endings[i]);
}

/* ---- Waiters ---- */

static void *fetch_when_told(void *arg)
{
	struct sc_value value;

	sct_check(sct_fetch(the.cache, SC_KEY(1), load, NULL, &value, NULL) == SC_LOADED);
	sc_value_release(&value);
	return arg;
}

static void leave_the_wait(void)
{
	/* The loader returns when the waiting thread has been cancelled. */
	sct_until(the.good);
}

static void a_thread_that_is_cancelled_while_it_waits(void **state)
{
	pthread_t leader, waiter;
	void *result;

	(void)state;
	the.end = leave_the_wait;
	the.cache = sct_cache_open(NULL);
	assert_int_equal(pthread_create(&leader, NULL, fetch_when_told, NULL), 0);
	sct_until(sct_stats(the.cache).misses == 1);
	assert_int_equal(pthread_create(&waiter, NULL, fetch, NULL), 0);
	sct_until(sct_threads_waiting() == 1);
	assert_int_equal(pthread_cancel(waiter), 0);
	assert_int_equal(pthread_join(waiter, &result), 0);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	the.good = true;
	assert_int_equal(pthread_join(leader, NULL), 0);
	assert_fetches("good", SC_HIT);
	sc_cache_close(the.cache);
}

/* ---- Updates ---- */

static void *update(void *arg)
{
	sc_cache_update(the.cache, SC_KEY(1), load, NULL, NULL, NULL);
	return arg;
}

static void an_update_that_does_not_return(void **state)
{
	(void)state;
	for (size_t i = 0; i < ENDINGS; i++) {
		the.end = endings[i];
		the.cache = sct_cache_open(NULL);
		run_to_its_end(update);
		sct_assert_get(the.cache, SC_KEY(1), NULL);
		assert_int_equal(sct_put(the.cache, SC_KEY(1), "old"), SC_OK);
		run_to_its_end(update);
		sct_assert_get(the.cache, SC_KEY(1), "old");
		assert_int_equal(sct_stats(the.cache).pinned, 0);
		the.good = true;
		assert_int_equal(sc_cache_update(the.cache, SC_KEY(1), load, NULL, NULL, NULL),
			SC_LOADED);
		the.good = false;
		sct_assert_get(the.cache, SC_KEY(1), "good");
		sc_cache_close(the.cache);
	}
}

/* ---- Clocks ---- */

static _Atomic int64_t readings_left;

static int64_t read_clock(void *context)
{
	(void)context;
	if (readings_left-- == 0)
		the.end();
	return 1000;
}

static int load_well(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_set_value(load, "good", 4);
}

static void *use_everything_once(void *arg)
{
	char key[300] = { 0 }; /* allocated */
	struct sc_value value;
	size_t len;

	for (int i = 0; i < 2; i++) {
		sct_fetch(the.cache, SC_KEY(SC_BYTES(key, sizeof key)), load_well, NULL, &value,
			NULL);
		sc_value_release(&value);
		sc_cache_put(the.cache, SC_KEY(SC_BYTES(key, sizeof key)), "x", 1);
		sc_cache_get(the.cache, SC_KEY(SC_BYTES(key, sizeof key)), key, 1, &len);
		sc_cache_acquire(the.cache, SC_KEY(SC_BYTES(key, sizeof key)), &value);
		sc_value_release(&value);
		sc_cache_update(the.cache, SC_KEY(SC_BYTES(key, sizeof key)), load_well, NULL, NULL,
			NULL);
		sc_cache_maintain(the.cache, 0);
	}
	return arg;
}

/* The thread ends at each reading of the clock in turn. */
static void a_clock_that_does_not_return(void **state)
{
	const struct sc_clock clock = { .now_ms = read_clock };

	(void)state;
	the.end = end_by_exit;
	for (int64_t reading = 0; reading < 14; reading++) {
		readings_left = INT64_MAX;
		the.cache = sct_cache_open(SC_CACHE_OPTIONS(.clock = &clock, .ttl_ms = 100));
		readings_left = reading;
		run_to_its_end(use_everything_once);
		assert_true(readings_left < 0);
		readings_left = INT64_MAX;
		use_everything_once(NULL);
		sc_cache_close(the.cache);
	}
}

/* ---- Free functions ---- */

static void free_and_end(void *pointer, void *context)
{
	(void)context;
	sct_check(pointer == &the);
	/* Only once: a thread that is ending must not end itself again. */
	if (the.freed++ == 0 && !the.good)
		the.end();
}

static void put_objects(int count)
{
	const struct sc_object object = { .pointer = &the, .weight = 8, .free = free_and_end };

	the.freed = 0;
	for (int i = 1; i <= count; i++)
		assert_int_equal(sc_cache_put_object(the.cache, SC_KEY(i), &object,
					 SC_PUT_OPTIONS(.ttl_ms = 100)),
			SC_OK);
}

static void *clear(void *arg)
{
	sc_cache_clear(the.cache);
	return arg;
}

static void *close_it(void *arg)
{
	sc_cache_close(the.cache);
	return arg;
}

/* One free function does not return; the other objects are still freed. */
static void a_free_that_does_not_return(void **state)
{
	(void)state;
	the.end = end_by_exit;
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.concurrency = 2, .max_bytes = 16 << 20));
	put_objects(50);
	run_to_its_end(clear);
	assert_int_equal(the.freed, 50);
	put_objects(50);
	run_to_its_end(close_it);
	assert_int_equal(the.freed, 50);
}

static _Atomic int64_t now_ms;

/* A fetch frees an expired object before it loads. */
static void a_free_in_a_fetch_that_does_not_return(void **state)
{
	(void)state;
	the.end = end_by_exit;
	the.cache = sct_cache_open(SC_CACHE_OPTIONS(.clock = sct_clock_of(&now_ms)));
	for (int i = 0; i < 2; i++) {
		put_objects(1);
		now_ms += 100;
		run_to_its_end(i == 0 ? fetch : update);
		assert_int_equal(the.freed, 1);
		assert_fetches("good", SC_LOADED);
		assert_int_equal(sct_stats(the.cache).pinned, 0);
	}
	sc_cache_close(the.cache);
}

static int give_object(struct sc_load *load, void *context)
{
	const struct sc_object object = { .pointer = &the, .weight = 8, .free = free_and_end };

	(void)context;
	return sc_load_set_object(load, &object);
}

static void *replace_by_update(void *arg)
{
	sc_cache_update(the.cache, SC_KEY(1), give_object, NULL, NULL, NULL);
	return arg;
}

static void *put_what_is_too_large(void *arg)
{
	const struct sc_object object = { .pointer = &the, .weight = UINT64_C(1) << 40 };

	sc_cache_put_object(the.cache, SC_KEY(1), &object, NULL);
	return arg;
}

/* The object before is freed in both. AddressSanitizer watches what they allocated. */
static void a_free_of_a_replaced_object_that_does_not_return(void **state)
{
	(void)state;
	the.end = end_by_exit;
	the.cache = sct_cache_open(NULL);
	put_objects(1);
	run_to_its_end(replace_by_update);
	assert_int_equal(the.freed, 1);
	the.good = true;
	put_objects(1);
	assert_int_equal(the.freed, 1);
	the.good = false;
	the.freed = 0;
	run_to_its_end(put_what_is_too_large);
	assert_int_equal(the.freed, 1);
	sc_cache_close(the.cache);
	assert_int_equal(the.freed, 1);
}

static char long_key[1000];

static void *get_long_key(void *arg)
{
	char byte;
	size_t len;

	sc_cache_get(the.cache, SC_KEY(SC_BYTES(long_key, sizeof long_key)), &byte, 1, &len);
	return arg;
}

/* The key was allocated, which AddressSanitizer watches. */
static void a_free_in_a_get_that_does_not_return(void **state)
{
	static const enum sc_policy policies[] = { SC_POLICY_ADAPTIVE, SC_POLICY_LRU };
	const struct sc_object object = { .pointer = &the, .weight = 8, .free = free_and_end };

	(void)state;
	the.end = end_by_exit;
	for (int i = 0; i < 2; i++) {
		the.freed = 0;
		the.cache = sct_cache_open(SC_CACHE_OPTIONS(.clock = sct_clock_of(&now_ms),
			.policy = policies[i], .ttl_ms = 100));
		assert_int_equal(sc_cache_put_object(the.cache,
					 SC_KEY(SC_BYTES(long_key, sizeof long_key)), &object,
					 NULL),
			SC_OK);
		now_ms += 100;
		run_to_its_end(get_long_key);
		assert_int_equal(the.freed, 1);
		sc_cache_close(the.cache);
	}
}

/* ---- Resources ---- */

static int open_thing(void *context, void **instance, struct sc_error *error)
{
	(void)error;
	return_or_end();
	*instance = context;
	return 0;
}

static void close_and_end(void *instance)
{
	sct_check(instance == &the);
	if (the.freed++ == 0)
		the.end();
}

static void *acquire(void *arg)
{
	struct sc_held held;

	sc_resource_acquire(the.resource, &held, NULL);
	return arg;
}

static void *find_that_it_is_not_open(void *arg)
{
	struct sc_error error = { 0 };
	struct sc_held held;

	sct_check(sc_resource_acquire(the.resource, &held, &error) == SC_E_OPEN);
	sct_check(strstr(error.message, "did not return"));
	return arg;
}

static void an_opener_that_does_not_return(void **state)
{
	(void)state;
	for (size_t i = 0; i < ENDINGS; i++) {
		struct sc_resource resource = SC_RESOURCE_INIT(open_thing, NULL, &the);
		pthread_t leader, waiter;
		struct sc_held held;

		the.end = endings[i];
		the.waiters = 1;
		the.resource = &resource;
		assert_int_equal(pthread_create(&leader, NULL, acquire, NULL), 0);
		sct_until(the.begun == 1);
		assert_int_equal(pthread_create(&waiter, NULL, find_that_it_is_not_open, NULL), 0);
		pthread_join(leader, NULL);
		pthread_join(waiter, NULL);
		the.waiters = 0;
		the.begun = 0;
		run_to_its_end(acquire);
		the.good = true;
		assert_int_equal(sc_resource_acquire(&resource, &held, NULL), SC_LOADED);
		the.good = false;
		the.begun = 0;
		sc_resource_release(&resource, &held);
		sc_resource_fini(&resource);
	}
}

static void *close_all(void *arg)
{
	sc_resource_close_all();
	return arg;
}

static void a_closer_that_does_not_return(void **state)
{
	struct sc_resource resources[5];

	(void)state;
	the.end = end_by_exit;
	the.good = true;
	the.freed = 0;
	for (int i = 0; i < 5; i++) {
		struct sc_held held;
		sc_resource_init(&resources[i], open_thing, close_and_end, &the);
		assert_int_equal(sc_resource_acquire(&resources[i], &held, NULL), SC_LOADED);
		sc_resource_release(&resources[i], &held);
	}
	the.good = false;
	run_to_its_end(close_all);
	assert_int_equal(the.freed, 5);
}

static int reset_all(void **state)
{
	(void)state;
	the.end = NULL;
	the.waiters = 0;
	the.good = false;
	the.begun = the.freed = 0;
	return 0;
}

#define CASE(name) cmocka_unit_test_setup(name, reset_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_loader_that_does_not_return),
		CASE(a_thread_that_is_cancelled_while_it_waits),
		CASE(an_update_that_does_not_return),
		CASE(a_clock_that_does_not_return),
		CASE(a_free_that_does_not_return),
		CASE(a_free_in_a_fetch_that_does_not_return),
		CASE(a_free_of_a_replaced_object_that_does_not_return),
		CASE(a_free_in_a_get_that_does_not_return),
		CASE(an_opener_that_does_not_return),
		CASE(a_closer_that_does_not_return),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
