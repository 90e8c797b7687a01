/* Single-flight: one thread loads, the others wait, and no thread waits for ever.
 *
 * Each case waits until a number of threads wait or are inside their loaders, and then continues.
 * Threads use sct_check() instead of cmocka's assertions. */
#include "cache/cache_fixture.h"
#include "cache/fetch_with_loader.h"
#include "cache/invocation_edges.h"
#include "support/random.h"
#include "support/threads.h"

#include <scopecache/resource.h>

#include <stdio.h>

#define THREADS 8

struct stage {
	struct sc_cache *cache;
	atomic_uint calls, inside, circles;
	atomic_bool go;
	/* How many threads must wait, or be inside a loader, before a loader continues. */
	unsigned wanted;
	const void *data[THREADS];
	struct sc_value values[THREADS];
};

static struct stage stage;

static int set_up(void **state)
{
	(void)state;
	stage = (struct stage){ .cache = sct_cache_open(NULL) };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(sct_threads_waiting(), 0);
	assert_int_equal(sct_stats(stage.cache).pinned, 0);
	sc_cache_close(stage.cache);
	return 0;
}

static bool has_text(const struct sc_value *value, const char *text)
{
	return value->len == strlen(text) && memcmp(value->data, text, value->len) == 0;
}

/* ---- One load for all ---- */

static int load_when_all_wait(struct sc_load *load, void *context)
{
	(void)context;
	unsigned call = atomic_fetch_add(&stage.calls, 1);
	sct_until(sct_threads_waiting() == stage.wanted);
	sct_check(call == 0);
	return sc_load_set_value(load, "one for all", 11);
}

static void fetch_the_same(unsigned number, void *arg)
{
	(void)arg;
	sct_check(sct_fetch(stage.cache, SC_KEY("key"), load_when_all_wait, NULL,
			  &stage.values[number], NULL) == SC_LOADED);
	sct_check(has_text(&stage.values[number], "one for all"));
}

static void one_loads_and_all_get_the_same(void **state)
{
	(void)state;
	stage.wanted = THREADS - 1;
	sct_threads_run(THREADS, fetch_the_same, NULL);
	assert_int_equal(stage.calls, 1);
	struct sc_cache_stats stats = sct_stats(stage.cache);
	assert_int_equal(stats.loads, 1);
	assert_int_equal(stats.load_waits, THREADS - 1);
	assert_int_equal(stats.misses, THREADS);
	assert_int_equal(stats.puts, 1);
	sct_assert_get(stage.cache, SC_KEY("key"), "one for all");
	sc_cache_clear(stage.cache);
	for (int i = 0; i < THREADS; i++) {
		assert_ptr_equal(stage.values[i].data, stage.values[0].data);
		assert_true(has_text(&stage.values[i], "one for all"));
	}
	for (int i = 0; i < THREADS; i++)
		sc_value_release(&stage.values[i]);
}

static int fail_when_all_wait(struct sc_load *load, void *context)
{
	(void)context;
	atomic_fetch_add(&stage.calls, 1);
	sct_until(sct_threads_waiting() == stage.wanted);
	return sc_load_fail(load, -5, "the source is %s", "down");
}

static void fetch_the_failing(unsigned number, void *arg)
{
	struct sc_error error = { 0 };
	struct sc_value value = { .len = 1 };

	(void)arg;
	/* `error` may be NULL. */
	bool asks = number != 1;
	sct_check(sct_fetch(stage.cache, SC_KEY("key"), fail_when_all_wait, NULL, &value,
			  asks ? &error : NULL) == SC_E_LOAD);
	sct_check(value.data == NULL && value.len == 0 && value.holder == NULL);
	if (!asks)
		return;
	sct_check(error.code == SC_E_LOAD && error.user_code == -5);
	sct_check(strcmp(error.message, "the source is down") == 0);
}

static void all_waiters_get_the_failure(void **state)
{
	(void)state;
	stage.wanted = THREADS - 1;
	sct_threads_run(THREADS, fetch_the_failing, NULL);
	assert_int_equal(stage.calls, 1);
	assert_int_equal(sct_stats(stage.cache).load_failures, 1);
	sct_assert_get(stage.cache, SC_KEY("key"), NULL);
	/* The flight is complete: the next fetch loads again. */
	stage.wanted = 0;
	fetch_the_failing(0, NULL);
	assert_int_equal(stage.calls, 2);
}

static int load_when_all_are_inside(struct sc_load *load, void *context)
{
	(void)context;
	atomic_fetch_add(&stage.inside, 1);
	sct_until(atomic_load(&stage.inside) == stage.wanted);
	return sc_load_set_value(load, "x", 1);
}

static void fetch_my_own(unsigned number, void *arg)
{
	struct sc_value value;

	(void)arg;
	sct_check(sct_fetch(stage.cache, SC_KEY(number), load_when_all_are_inside, NULL, &value,
			  NULL) == SC_LOADED);
	sc_value_release(&value);
}

static void different_keys_load_at_the_same_time(void **state)
{
	(void)state;
	stage.wanted = THREADS;
	sct_threads_run(THREADS, fetch_my_own, NULL);
	assert_int_equal(sct_stats(stage.cache).load_waits, 0);
	assert_int_equal(sct_stats(stage.cache).entries, THREADS);
}

/* ---- A change while others wait ---- */

enum { OLD_LOADER, OLD_WAITER, NEW_LOADER };

static int load_in_turn(struct sc_load *load, void *context)
{
	(void)context;
	if (atomic_fetch_add(&stage.calls, 1) == 0) {
		/* The first load is invalidated, and completes last. */
		sct_until(atomic_load(&stage.go));
		return sc_load_set_value(load, "old", 3);
	}
	return sc_load_set_value(load, "new", 3);
}

static void fetch_around_a_change(unsigned number, void *arg)
{
	struct sc_value value;

	(void)arg;
	if (number == OLD_WAITER)
		sct_until(atomic_load(&stage.calls) == 1);
	if (number == NEW_LOADER) {
		sct_until(sct_threads_waiting() == 1);
		sct_check(sc_cache_invalidate(stage.cache, SC_KEY("key")) == SC_MISS);
	}
	sct_check(sct_fetch(stage.cache, SC_KEY("key"), load_in_turn, NULL, &value, NULL) ==
		SC_LOADED);
	sct_check(has_text(&value, number == NEW_LOADER ? "new" : "old"));
	sc_value_release(&value);
	if (number == NEW_LOADER)
		atomic_store(&stage.go, true);
}

static void a_fetch_after_a_change_starts_a_new_load(void **state)
{
	(void)state;
	/* load_in_turn() gives the old value in its first call, so the old loader must be first. */
	sct_threads_run(3, fetch_around_a_change, NULL);
	assert_int_equal(stage.calls, 2);
	sct_assert_get(stage.cache, SC_KEY("key"), "new");
}

/* ---- Cycles ---- */

static void count_circle(int rc)
{
	sct_check(rc == SC_LOADED || rc == SC_HIT || rc == SC_E_CYCLE);
	if (rc == SC_E_CYCLE)
		atomic_fetch_add(&stage.circles, 1);
}

static int load_the_next(struct sc_load *load, void *context)
{
	struct sc_value value;

	(void)context;
	int64_t next = (sc_load_number(load, 0) + 1) % stage.wanted;
	atomic_fetch_add(&stage.inside, 1);
	sct_until(atomic_load(&stage.inside) >= stage.wanted);
	count_circle(sct_fetch(stage.cache, SC_KEY(next), load_the_next, NULL, &value, NULL));
	sc_value_release(&value);
	/* The thread that would close the cycle gets SC_E_CYCLE. */
	return sc_load_set_value(load, "x", 1);
}

static void fetch_in_a_circle(unsigned number, void *arg)
{
	struct sc_value value;

	(void)arg;
	sct_check(sct_fetch(stage.cache, SC_KEY(number), load_the_next, NULL, &value, NULL) ==
		SC_LOADED);
	sc_value_release(&value);
}

/* Thread 0 loads 0 and wants 1, thread 1 loads 1 and wants 2, ... and the last one wants 0. */
static void a_cycle_of_threads_fails_for_one_of_them(void **state)
{
	(void)state;
	for (unsigned threads = 2; threads <= THREADS; threads++) {
		stage.inside = stage.circles = 0;
		stage.wanted = threads;
		sct_threads_run(threads, fetch_in_a_circle, NULL);
		assert_int_equal(stage.circles, 1);
		assert_int_equal(stage.inside, threads);
		assert_int_equal(sct_stats(stage.cache).entries, threads);
		sc_cache_clear(stage.cache);
	}
}

enum { LOADS_A, LOADS_B, OPENS_R };

static int open_r(void *context, void **instance, struct sc_error *error);
static struct sc_resource r = SC_RESOURCE_INIT(open_r, NULL, &stage);

static void all_inside(void)
{
	atomic_fetch_add(&stage.inside, 1);
	sct_until(atomic_load(&stage.inside) == 3);
}

static int load_b(struct sc_load *load, void *context)
{
	struct sc_held held;

	(void)context;
	all_inside();
	int rc = sc_resource_acquire(&r, &held, NULL);
	count_circle(rc);
	sc_resource_release(&r, &held);
	return sc_load_set_value(load, "b", 1);
}

static int load_a(struct sc_load *load, void *context)
{
	struct sc_value value;

	(void)context;
	all_inside();
	count_circle(sct_fetch(stage.cache, SC_KEY("b"), load_b, NULL, &value, NULL));
	sc_value_release(&value);
	return sc_load_set_value(load, "a", 1);
}

static int open_r(void *context, void **instance, struct sc_error *error)
{
	struct sc_value value;

	(void)error;
	all_inside();
	count_circle(sct_fetch(stage.cache, SC_KEY("a"), load_a, NULL, &value, NULL));
	sc_value_release(&value);
	*instance = context;
	return 0;
}

static void go_to_own_place(unsigned number, void *arg)
{
	struct sc_value value = { 0 };
	struct sc_held held = { 0 };

	(void)arg;
	if (number == LOADS_A)
		sct_check(sct_fetch(stage.cache, SC_KEY("a"), load_a, NULL, &value, NULL) > 0);
	else if (number == LOADS_B)
		sct_check(sct_fetch(stage.cache, SC_KEY("b"), load_b, NULL, &value, NULL) > 0);
	else
		sct_check(sc_resource_acquire(&r, &held, NULL) > 0);
	sc_value_release(&value);
	sc_resource_release(&r, &held);
}

static void a_cycle_through_a_resource_fails(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		stage.inside = stage.circles = 0;
		sct_threads_run(3, go_to_own_place, NULL);
		assert_int_equal(stage.circles, 1);
		assert_int_equal(stage.inside, 3);
		sc_cache_clear(stage.cache);
		sc_resource_reset(&r);
	}
}

/* ---- Deadlines ---- */

static int load_on_command(struct sc_load *load, void *context)
{
	(void)context;
	atomic_fetch_add(&stage.inside, 1);
	sct_until(atomic_load(&stage.go));
	sct_check(sc_load_remaining_ms(load) == SC_NO_DEADLINE);
	return sc_load_set_value(load, "late", 4);
}

static void fetch_until_too_late(int64_t remaining_ms, int expected)
{
	struct sc_error error = { 0 };
	struct sc_value value = { .len = 1 };

	sct_invocation_begin(remaining_ms);
	int rc = sct_fetch(stage.cache, SC_KEY("key"), load_on_command, NULL, &value, &error);
	sct_invocation_end(0);
	sct_check(rc == expected);
	sct_check(error.code == (rc < 0 ? rc : 0));
	sct_check(rc < 0 ? value.data == NULL && value.len == 0 : has_text(&value, "late"));
	sc_value_release(&value);
}

static void wait_with_and_without_deadline(unsigned number, void *arg)
{
	struct sc_value value;

	(void)arg;
	if (number == 0) {
		sct_check(sct_fetch(stage.cache, SC_KEY("key"), load_on_command, NULL, &value,
				  NULL) == SC_LOADED);
		sc_value_release(&value);
		return;
	}
	sct_until(atomic_load(&stage.inside) == 1);
	if (number == 1) {
		fetch_until_too_late(50, SC_E_DEADLINE);
		fetch_until_too_late(1, SC_E_DEADLINE);
		fetch_until_too_late(0, SC_E_DEADLINE);
		fetch_until_too_late(-1000, SC_E_DEADLINE);
		fetch_until_too_late(INT64_MIN, SC_E_DEADLINE);
		/* The others wait: without a deadline, with the latest one, and with one in ten
		 * minutes. */
		sct_until(sct_threads_waiting() == 3);
		atomic_store(&stage.go, true);
	} else {
		const int64_t remaining_ms[] = { SC_NO_DEADLINE, SC_NO_DEADLINE - 1, 600000 };
		fetch_until_too_late(remaining_ms[number - 2], SC_LOADED);
	}
}

static void waiting_ends_at_the_deadline(void **state)
{
	(void)state;
	sct_threads_run(5, wait_with_and_without_deadline, NULL);
	assert_int_equal(stage.inside, 1);
	assert_int_equal(sct_stats(stage.cache).loads, 1);
	assert_int_equal(sct_stats(stage.cache).load_waits, 8);
	sct_assert_get(stage.cache, SC_KEY("key"), "late");
}

static int load_in_time(struct sc_load *load, void *context)
{
	int64_t *remaining_ms = context;

	*remaining_ms = sc_load_remaining_ms(load);
	return sc_load_set_value(load, "x", 1);
}

static void the_loader_knows_the_deadline(void **state)
{
	int64_t remaining_ms = -1;
	struct sc_value value;

	(void)state;
	assert_int_equal(sc_cache_hooks()->size, sizeof(struct sc_hooks));
	sct_invocation_begin(5000);
	/* The deadline limits waiting, not hits or the thread's own load. */
	assert_int_equal(
		sct_fetch(stage.cache, SC_KEY(1), load_in_time, &remaining_ms, &value, NULL),
		SC_LOADED);
	sc_value_release(&value);
	assert_in_range(remaining_ms, 1, 5000);
	sct_invocation_begin(0);
	assert_int_equal(
		sct_fetch(stage.cache, SC_KEY(2), load_in_time, &remaining_ms, &value, NULL),
		SC_LOADED);
	sc_value_release(&value);
	assert_int_equal(remaining_ms, 0);
	sct_invocation_end(0);
	assert_int_equal(
		sct_fetch(stage.cache, SC_KEY(3), load_in_time, &remaining_ms, &value, NULL),
		SC_LOADED);
	sc_value_release(&value);
	assert_true(remaining_ms == SC_NO_DEADLINE);
}

/* ---- At random ---- */

#define KEYS   6
#define ROUNDS 4000

static atomic_int loading[KEYS];

static int load_at_random(struct sc_load *load, void *context)
{
	uint64_t *random = context;
	int64_t key = sc_load_number(load, 0);
	struct sc_value value;

	sct_check(atomic_fetch_add(&loading[key], 1) == 0);
	atomic_fetch_add(&stage.calls, 1);
	if (sct_below(random, 2) == 0) {
		int64_t other = (int64_t)sct_below(random, KEYS);
		int rc =
			sct_fetch(stage.cache, SC_KEY(other), load_at_random, random, &value, NULL);
		sct_check(rc > 0 || rc == SC_E_CYCLE || rc == SC_E_LOAD);
		if (rc == SC_E_CYCLE)
			atomic_fetch_add(&stage.circles, 1);
		sc_value_release(&value);
	}
	/* Most values are not stored, so that loads never end. */
	sc_load_set_ttl_ms(load, sct_below(random, 8) == 0 ? 1 : -1);
	sc_load_set_value(load, &key, sizeof key);
	sct_check(atomic_fetch_sub(&loading[key], 1) == 1);
	return sct_below(random, 10) ? 0 : -1;
}

static void fetch_at_random(unsigned number, void *arg)
{
	uint64_t random = number + 1;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		int64_t key = (int64_t)sct_below(&random, KEYS);
		struct sc_error error;
		struct sc_value value;
		int rc = sct_fetch(stage.cache, SC_KEY(key), load_at_random, &random, &value,
			&error);
		sct_check(rc == SC_HIT || rc == SC_LOADED || rc == SC_E_LOAD);
		sct_check(rc > 0 || error.user_code == -1);
		sct_check(rc < 0 ||
			(value.len == sizeof key && memcmp(value.data, &key, sizeof key) == 0));
		sc_value_release(&value);
	}
}

static void one_loader_for_a_key_at_a_time(void **state)
{
	(void)state;
	sct_threads_run(THREADS, fetch_at_random, NULL);
	struct sc_cache_stats stats = sct_stats(stage.cache);
	printf("%u loads, %llu waits, %u circles\n", stage.calls,
		(unsigned long long)stats.load_waits, stage.circles);
	assert_int_equal(stats.loads + stats.load_failures, stage.calls);
	assert_true(stats.hits + stats.misses >= THREADS * ROUNDS);
	assert_true(stage.circles > 0);
}

#define staged(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		staged(one_loads_and_all_get_the_same),
		staged(all_waiters_get_the_failure),
		staged(different_keys_load_at_the_same_time),
		staged(a_fetch_after_a_change_starts_a_new_load),
		staged(a_cycle_of_threads_fails_for_one_of_them),
		staged(a_cycle_through_a_resource_fails),
		staged(waiting_ends_at_the_deadline),
		staged(the_loader_knows_the_deadline),
		staged(one_loader_for_a_key_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
