/* sc_cache_reject(): a credential that was refused is loaded again, once; and a source that gives
 * the same again is not asked all the time. */
#include "cache/cache_fixture.h"
#include "cache/counted_object.h"
#include "support/threads.h"

#include <pthread.h>

enum { TTL = 1000, STALE = 100000, RETRY = 50 };

/* The source and its password; NULL: it is down. */
static struct {
	struct sc_cache *cache;
	_Atomic int64_t now_ms;
	const char *_Atomic password;
	const char *version;
	struct sc_object object; /* in place of the password, if it has a pointer */
	bool is_absent;
	_Atomic int loads;
} the;

static int load(struct sc_load *load, void *context)
{
	const char *password = the.password;

	(void)context;
	the.loads++;
	if (the.is_absent)
		return SC_E_ABSENT;
	if (!password)
		return sc_load_fail(load, -5, "down");
	sc_load_set_validator(load, the.version);
	if (the.object.pointer)
		return sc_load_set_object(load, &the.object);
	return sc_load_set_value(load, password, strlen(password));
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
	the.password = "old";
	open_with(*SC_CACHE_OPTIONS(.ttl_ms = TTL, .stale_if_error_ms = STALE,
		.retry_after_ms = RETRY));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(sct_stats(the.cache).pinned, 0);
	sc_cache_close(the.cache);
	return 0;
}

/* Fetch; returns the generation. `password` NULL: it fails with this outcome. */
static uint64_t fetch(int outcome, const char *password, int loads)
{
	struct sc_error error = { 0 };
	struct sc_value value;
	int before = the.loads;

	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY("db"), &value, &error), outcome);
	assert_int_equal(the.loads - before, loads);
	assert_int_equal(error.code, password ? 0 : outcome);
	if (password)
		sct_assert_value(&value, password);
	uint64_t generation = value.generation;
	sc_value_release(&value);
	return generation;
}

static int reject(uint64_t generation)
{
	return sc_cache_reject(the.cache, SC_KEY("db"), generation);
}

static void the_next_fetch_loads_once(void **state)
{
	(void)state;
	uint64_t old = fetch(SC_LOADED, "old", 1);
	the.password = "new";
	assert_int_equal(reject(old), SC_HIT);
	/* Others say so too, before the load and after. */
	assert_int_equal(reject(old), SC_MISS);
	sct_assert_get(the.cache, SC_KEY("db"), NULL);
	uint64_t new = fetch(SC_LOADED, "new", 1);
	assert_true(new > old);
	assert_int_equal(reject(old), SC_MISS);
	assert_int_equal(fetch(SC_HIT, "new", 0), new);
	assert_int_equal(sct_stats(the.cache).refused, 1);
	/* And again. */
	the.password = "newer";
	assert_int_equal(reject(new), SC_HIT);
	fetch(SC_LOADED, "newer", 1);
}

static void a_source_that_gives_the_same_is_left_alone(void **state)
{
	struct sc_error error = { 0 };
	struct sc_value value;

	(void)state;
	assert_int_equal(reject(fetch(SC_LOADED, "old", 1)), SC_HIT);
	int64_t wait_ms = RETRY;
	for (int i = 0; i < 3; i++, wait_ms *= 2) {
		fetch(SC_E_REFUSED, NULL, 1);
		the.now_ms += wait_ms - 1;
		assert_int_equal(sc_cache_fetch(the.cache, SC_KEY("db"), &value, &error),
			SC_E_REFUSED);
		assert_string_equal(error.message,
			"the source gave again the value that was refused");
		assert_int_equal(error.retry_after_ms, 1);
		assert_int_equal(sc_cache_fetch(the.cache, SC_KEY("db"), &value, NULL),
			SC_E_REFUSED);
		assert_int_equal(reject(0), SC_MISS);
		the.now_ms++;
	}
	assert_int_equal(the.loads, 4);
	/* A new value ends it, also for the old one: it may be right again. */
	the.password = "new";
	uint64_t new = fetch(SC_LOADED, "new", 1);
	fetch(SC_HIT, "new", 0);
	the.password = "old";
	the.now_ms += TTL;
	fetch(SC_LOADED, "old", 1);
	assert_int_equal(reject(new), SC_MISS);
}

/* Failures in between are failures, and the digest stays. */
static void a_source_that_fails_meanwhile(void **state)
{
	(void)state;
	assert_int_equal(reject(fetch(SC_LOADED, "old", 1)), SC_HIT);
	the.password = NULL;
	fetch(SC_E_LOAD, NULL, 1);
	fetch(SC_E_LOAD, NULL, 0);
	the.now_ms += 100 * RETRY;
	the.password = "old";
	fetch(SC_E_REFUSED, NULL, 1);
	the.password = "new";
	fetch(SC_E_REFUSED, NULL, 0);
	the.now_ms += 100 * RETRY;
	fetch(SC_LOADED, "new", 1);
	/* One that has no value forgets it. */
	the.now_ms += TTL;
	assert_int_equal(reject(fetch(SC_LOADED, "new", 1)), SC_HIT);
	the.is_absent = true;
	fetch(SC_E_ABSENT, NULL, 1);
	the.is_absent = false;
	fetch(SC_LOADED, "new", 1);
}

/* It is not served as a stale value is. */
static void a_refused_value_is_gone(void **state)
{
	struct sc_value value;

	(void)state;
	uint64_t old = fetch(SC_LOADED, "old", 1);
	the.now_ms += TTL + 1;
	the.password = NULL;
	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY("db"), &value, NULL), SC_STALE);
	assert_int_equal(value.generation, old);
	sc_value_release(&value);
	assert_int_equal(reject(old), SC_HIT);
	fetch(SC_E_LOAD, NULL, 1);
}

static void what_is_put_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(reject(fetch(SC_LOADED, "old", 1)), SC_HIT);
	assert_int_equal(sct_put(the.cache, SC_KEY("db"), "old"), SC_OK);
	fetch(SC_HIT, "old", 0);
	assert_int_equal(reject(fetch(SC_HIT, "old", 0)), SC_HIT);
	fetch(SC_E_REFUSED, NULL, 1);
	assert_int_equal(sc_cache_invalidate(the.cache, SC_KEY("db")), SC_HIT);
	fetch(SC_LOADED, "old", 1);
}

/* An object is compared by its validator. */
static void objects_are_refused_too(void **state)
{
	struct sct_counted_object thing = { .freed = 0 };
	struct sc_value value;

	(void)state;
	the.object = sct_object_of(&thing, 10);
	for (int i = 0; i < 2; i++) {
		the.version = i ? "v1" : NULL;
		thing.freed = 0;
		assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(i), &value, NULL), SC_LOADED);
		uint64_t generation = value.generation;
		sc_value_release(&value);
		assert_int_equal(thing.freed, 0);
		assert_int_equal(sc_cache_reject(the.cache, SC_KEY(i), generation), SC_HIT);
		assert_int_equal(thing.freed, 1);
		thing.freed = 0;
		assert_int_equal(sc_cache_fetch(the.cache, SC_KEY(i), &value, NULL),
			i ? SC_E_REFUSED : SC_LOADED);
		assert_int_equal(thing.freed, i);
		sc_value_release(&value);
		sc_cache_clear(the.cache);
	}
}

static void it_needs_generations(void **state)
{
	(void)state;
	sc_cache_close(the.cache);
	open_with(*SC_CACHE_OPTIONS(.ttl_ms = TTL));
	fetch(SC_LOADED, "old", 1);
	assert_int_equal(reject(0), SC_E_INVAL);
	fetch(SC_HIT, "old", 0);
	/* track_age is enough; then it waits for a second. */
	sc_cache_close(the.cache);
	open_with(*SC_CACHE_OPTIONS(.track_age = 1));
	assert_int_equal(reject(fetch(SC_LOADED, "old", 1)), SC_HIT);
	fetch(SC_E_REFUSED, NULL, 1);
	the.now_ms += 999;
	fetch(SC_E_REFUSED, NULL, 0);
	the.now_ms++;
	fetch(SC_E_REFUSED, NULL, 1);
	assert_int_equal(sc_cache_reject(the.cache, (struct sc_key){ NULL, 0 }, 1), SC_E_INVAL);
}

/* Threads use the password, and all that fail with it say so. */
static void use_on_a_thread(unsigned number, void *arg)
{
	(void)number;
	(void)arg;
	for (int i = 0; i < 500; i++) {
		struct sc_value value;
		int rc = sc_cache_fetch(the.cache, SC_KEY("db"), &value, NULL);
		sct_check(rc > 0 && value.len == 3);
		bool is_right = memcmp(value.data, "new", 3) == 0;
		uint64_t generation = value.generation;
		sc_value_release(&value);
		if (!is_right)
			sct_check(sc_cache_reject(the.cache, SC_KEY("db"), generation) >= 0);
	}
}

static void many_callers_load_once(void **state)
{
	(void)state;
	fetch(SC_LOADED, "old", 1);
	the.password = "new";
	sct_threads_run(4, use_on_a_thread, NULL);
	assert_int_equal(the.loads, 2);
	assert_int_equal(sct_stats(the.cache).refused, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(the_next_fetch_loads_once),
		CASE(a_source_that_gives_the_same_is_left_alone),
		CASE(a_source_that_fails_meanwhile),
		CASE(a_refused_value_is_gone),
		CASE(what_is_put_is_accepted),
		CASE(objects_are_refused_too),
		CASE(it_needs_generations),
		CASE(many_callers_load_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
