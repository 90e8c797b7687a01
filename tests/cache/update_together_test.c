/* Updates while other threads update, load and put the same key. */
#include "cache/cache_fixture.h"
#include "cache/fetch_with_loader.h"
#include "cache/invocation_edges.h"
#include "support/threads.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS = 4, ROUNDS = 500 };

static int count_one_more(struct sc_load *load, void *context)
{
	const struct sc_value *old = sc_load_old(load);
	int number = 0;

	(void)context;
	if (old)
		memcpy(&number, old->data, sizeof number);
	number++;
	return sc_load_set_value(load, &number, sizeof number);
}

static void count_up(unsigned number, void *cache)
{
	(void)number;
	for (int i = 0; i < ROUNDS; i++)
		sct_check(sc_cache_update(cache, SC_KEY(i % 3), count_one_more, NULL, NULL, NULL) ==
			SC_LOADED);
}

static void no_count_is_lost(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	int sum = 0;

	(void)state;
	sct_threads_run(THREADS, count_up, cache);
	for (int i = 0; i < 3; i++) {
		int number;
		size_t len;
		assert_int_equal(sc_cache_get(cache, SC_KEY(i), &number, sizeof number, &len),
			SC_HIT);
		sum += number;
	}
	assert_int_equal(sum, THREADS * ROUNDS);
	sc_cache_close(cache);
}

/* A value contains its put and the number of updates since. If two updates make the same value,
 * they began with the same one, and one of them is lost. */
struct version {
	unsigned put, updates;
};

static struct version updated[THREADS][ROUNDS];
static atomic_uint last_put;

static int update_version(struct sc_load *load, void *context)
{
	const struct sc_value *old = sc_load_old(load);
	struct version version = { 0 };

	(void)context;
	if (old)
		memcpy(&version, old->data, sizeof version);
	else
		version.put = ++last_put;
	version.updates++;
	return sc_load_set_value(load, &version, sizeof version);
}

static void update_and_interfere(unsigned number, void *cache)
{
	for (int i = 0; i < ROUNDS; i++) {
		const struct version anew = { .put = ++last_put };
		struct sc_value value;
		if (i % 7 == 0)
			sct_check(sc_cache_put(cache, SC_KEY(1), &anew, sizeof anew) == SC_OK);
		else if (i % 11 == 0)
			sct_check(sc_cache_invalidate(cache, SC_KEY(1)) >= 0);
		sct_check(sc_cache_update(cache, SC_KEY(1), update_version, NULL, &value, NULL) ==
			SC_LOADED);
		memcpy(&updated[number][i], value.data, sizeof(struct version));
		sc_value_release(&value);
	}
}

static int compare_versions(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct version));
}

static void no_update_is_made_twice(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	const struct version *all = updated[0];

	(void)state;
	sct_threads_run(THREADS, update_and_interfere, cache);
	qsort(updated, (size_t)THREADS * ROUNDS, sizeof all[0], compare_versions);
	for (size_t i = 1; i < (size_t)THREADS * ROUNDS; i++)
		assert_int_not_equal(compare_versions(&all[i - 1], &all[i]), 0);
	sc_cache_close(cache);
}

static int give_y(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_set_value(load, "y", 1);
}

static _Atomic bool updating;

static int update_slowly(struct sc_load *load, void *context)
{
	(void)context;
	updating = true;
	sct_until(sct_threads_waiting() == THREADS - 1);
	return sc_load_set_value(load, "updated", 7);
}

static void update_or_wait(unsigned number, void *cache)
{
	struct sc_value value;
	bool is_first = number == 0;

	if (is_first) {
		sct_check(sc_cache_update(cache, SC_KEY(1), update_slowly, NULL, &value, NULL) ==
			SC_LOADED);
	} else {
		sct_until(updating);
		sct_check(sct_fetch(cache, SC_KEY(1), give_y, NULL, &value, NULL) == SC_LOADED);
	}
	sct_check(value.len == 7 && memcmp(value.data, "updated", 7) == 0);
	sc_value_release(&value);
}

static void a_fetch_that_misses_waits_for_the_update(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	updating = false;
	sct_threads_run(THREADS, update_or_wait, cache);
	sc_cache_close(cache);
}

static int absent(struct sc_load *load, void *context)
{
	(void)context;
	(void)load;
	updating = true;
	sct_until(sct_threads_waiting() == THREADS - 1);
	return SC_E_ABSENT;
}

static void find_it_absent_and_load(unsigned number, void *cache)
{
	struct sc_value value = { 0 };

	if (number == 0) {
		sct_check(
			sc_cache_update(cache, SC_KEY(1), absent, NULL, NULL, NULL) == SC_E_ABSENT);
	} else {
		sct_until(updating);
		sct_check(sct_fetch(cache, SC_KEY(1), give_y, NULL, &value, NULL) > 0);
	}
	sc_value_release(&value);
}

/* An update without a value gives waiters no result, so they load. */
static void a_waiter_of_an_update_without_a_value_loads(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	updating = false;
	sct_threads_run(THREADS, find_it_absent_and_load, cache);
	sct_assert_get(cache, SC_KEY(1), "y");
	sc_cache_close(cache);
}

static int load_slowly(struct sc_load *load, void *context)
{
	(void)context;
	updating = true;
	sct_until(sct_threads_waiting() == 1);
	return sc_load_set_value(load, "loaded", 6);
}

static int see_what_was_loaded(struct sc_load *load, void *context)
{
	const struct sc_value *old = sc_load_old(load);

	(void)context;
	sct_check(old && old->len == 6);
	return 0;
}

static void load_or_update(unsigned number, void *cache)
{
	struct sc_value value;

	if (number == 0) {
		sct_check(
			sct_fetch(cache, SC_KEY(1), load_slowly, NULL, &value, NULL) == SC_LOADED);
	} else {
		sct_until(updating);
		sct_check(sc_cache_update(cache, SC_KEY(1), see_what_was_loaded, NULL, &value,
				  NULL) == SC_HIT);
	}
	sc_value_release(&value);
}

static void an_update_waits_for_a_load(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	updating = false;
	sct_threads_run(2, load_or_update, cache);
	sc_cache_close(cache);
}

static int load_past_the_deadline(struct sc_load *load, void *arg)
{
	_Atomic bool *over = arg;

	updating = true;
	sct_until(*over);
	return sc_load_set_value(load, "loaded", 6);
}

static void update_with_a_deadline(unsigned number, void *cache)
{
	static _Atomic bool over;
	struct sc_value value = { 0 };

	if (number == 0) {
		sct_check(sct_fetch(cache, SC_KEY(1), load_past_the_deadline, &over, &value,
				  NULL) == SC_LOADED);
	} else {
		sct_until(updating);
		sct_invocation_begin(10);
		sct_check(sc_cache_update(cache, SC_KEY(1), see_what_was_loaded, NULL, &value,
				  NULL) == SC_E_DEADLINE);
		sct_invocation_end(0);
		over = true;
	}
	sc_value_release(&value);
}

static void a_deadline_ends_the_wait(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	updating = false;
	sct_threads_run(2, update_with_a_deadline, cache);
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_count_is_lost),
		cmocka_unit_test(no_update_is_made_twice),
		cmocka_unit_test(a_fetch_that_misses_waits_for_the_update),
		cmocka_unit_test(a_waiter_of_an_update_without_a_value_loads),
		cmocka_unit_test(an_update_waits_for_a_load),
		cmocka_unit_test(a_deadline_ends_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
