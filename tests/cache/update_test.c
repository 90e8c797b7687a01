/* sc_cache_update(): a new value from the old one, and nothing lost in between. */
#include "cache/cache_fixture.h"
#include "cache/fetching.h"
#include "cache/invocation_edges.h"
#include "support/threads.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* What the function of a case does. */
struct plan {
	struct sc_cache *cache;
	const char *add; /* appended to the old value; NULL: give nothing */
	int result;
	int calls;
	char seen[64]; /* the old value; "-": none */
	void (*also)(struct plan *plan);
};

static void note_old(struct plan *plan, const struct sc_value *old)
{
	if (old)
		snprintf(plan->seen, sizeof plan->seen, "%.*s", (int)old->len,
			(const char *)old->data);
	else
		strcpy(plan->seen, "-");
}

static int append(struct sc_load *load, void *context)
{
	const struct sc_value *old = sc_load_old(load);
	struct plan *plan = context;
	char text[64];

	plan->calls++;
	note_old(plan, old);
	assert_int_equal(sc_load_number(load, 0), 1);
	if (plan->also)
		plan->also(plan);
	if (plan->add) {
		snprintf(text, sizeof text, "%s%s", old ? plan->seen : "", plan->add);
		assert_int_equal(sc_load_set_value(load, text, strlen(text)), 0);
	}
	return plan->result;
}

static void assert_holds(const struct sc_value *value, const char *text)
{
	if (text) {
		sct_assert_value(value, text);
	} else {
		assert_null(value->data);
		assert_null(value->holder);
		assert_int_equal(value->len, 0);
	}
}

static void assert_updates(struct plan *plan, int outcome, const char *text)
{
	struct sc_error error = { 0 };
	struct sc_value value = { .len = 3 };

	assert_int_equal(sc_cache_update(plan->cache, SC_KEY(1), append, plan, &value, &error),
		outcome);
	assert_holds(&value, text);
	assert_int_equal(error.code, outcome < 0 ? outcome : 0);
	sc_value_release(&value);
}

static int plan_open(void **state)
{
	static struct plan plan;

	plan = (struct plan){ .cache = sct_cache_open(NULL), .add = "x" };
	*state = &plan;
	return 0;
}

static int plan_close(void **state)
{
	struct plan *plan = *state;

	assert_int_equal(sct_stats(plan->cache).pinned, 0);
	sc_cache_close(plan->cache);
	return 0;
}

static void begins_with_nothing_and_goes_on(void **state)
{
	struct plan *plan = *state;

	assert_updates(plan, SC_LOADED, "x");
	assert_string_equal(plan->seen, "-");
	assert_updates(plan, SC_LOADED, "xx");
	assert_string_equal(plan->seen, "x");
	sct_assert_get(plan->cache, SC_KEY(1), "xx");
	assert_int_equal(plan->calls, 2);
	assert_int_equal(sct_stats(plan->cache).loads, 2);
	assert_int_equal(sct_stats(plan->cache).puts, 2);
}

static void leaves_things_as_they_are(void **state)
{
	struct plan *plan = *state;

	plan->add = NULL;
	assert_updates(plan, SC_E_ABSENT, NULL);
	sct_put(plan->cache, SC_KEY(1), "old");
	assert_updates(plan, SC_HIT, "old");
	sct_assert_get(plan->cache, SC_KEY(1), "old");
}

static void removes(void **state)
{
	struct plan *plan = *state;

	plan->result = SC_E_ABSENT;
	sct_put(plan->cache, SC_KEY(1), "old");
	assert_updates(plan, SC_E_ABSENT, NULL);
	sct_assert_get(plan->cache, SC_KEY(1), NULL);
	assert_int_equal(sct_stats(plan->cache).invalidations, 1);
	/* The same where there is nothing. */
	assert_updates(plan, SC_E_ABSENT, NULL);
	assert_int_equal(sct_stats(plan->cache).invalidations, 1);
}

static void fails_and_changes_nothing(void **state)
{
	struct plan *plan = *state;
	struct sc_error error;

	plan->result = -77;
	sct_put(plan->cache, SC_KEY(1), "old");
	assert_updates(plan, SC_E_LOAD, NULL);
	sct_assert_get(plan->cache, SC_KEY(1), "old");
	assert_int_equal(sc_cache_update(plan->cache, SC_KEY(1), append, plan, NULL, &error),
		SC_E_LOAD);
	assert_int_equal(error.user_code, -77);
}

static void bad_arguments(void **state)
{
	struct plan *plan = *state;
	struct sc_value value = { .len = 3 };
	struct sc_error error;

	assert_int_equal(sc_cache_update(plan->cache, SC_KEY(1), NULL, NULL, &value, &error),
		SC_E_INVAL);
	assert_holds(&value, NULL);
	assert_string_equal(error.message, "the update has no function");
	assert_int_equal(sc_cache_update(plan->cache, (struct sc_key){ NULL, 0 }, append, plan,
				 &value, &error),
		SC_E_INVAL);
	assert_non_null(strstr(error.message, "the key cannot be used"));
	assert_int_equal(plan->calls, 0);
}

static void nobody_wants_the_value(void **state)
{
	struct plan *plan = *state;

	assert_int_equal(sc_cache_update(plan->cache, SC_KEY(1), append, plan, NULL, NULL),
		SC_LOADED);
	plan->add = NULL;
	assert_int_equal(sc_cache_update(plan->cache, SC_KEY(1), append, plan, NULL, NULL), SC_HIT);
	sct_assert_get(plan->cache, SC_KEY(1), "x");
}

static void the_old_value_stays_with_who_holds_it(void **state)
{
	struct plan *plan = *state;
	struct sc_value held;

	sct_put(plan->cache, SC_KEY(1), "old");
	assert_int_equal(sc_cache_acquire(plan->cache, SC_KEY(1), &held), SC_HIT);
	assert_updates(plan, SC_LOADED, "oldx");
	sct_assert_value(&held, "old");
	sc_value_release(&held);
}

static int not_to_be_kept(struct sc_load *load, void *context)
{
	(void)context;
	sc_load_set_ttl_ms(load, -1);
	return sc_load_set_value(load, "gone", 4);
}

static void what_is_not_to_be_kept_is_given(void **state)
{
	struct plan *plan = *state;
	struct sc_value value;

	sct_put(plan->cache, SC_KEY(1), "old");
	assert_int_equal(
		sc_cache_update(plan->cache, SC_KEY(1), not_to_be_kept, NULL, &value, NULL),
		SC_LOADED);
	sct_assert_value(&value, "gone");
	sc_value_release(&value);
	sct_assert_get(plan->cache, SC_KEY(1), NULL);
}

static int look_for_old(struct sc_load *load, void *context)
{
	(void)context;
	sct_check(!sc_load_old(load));
	return sc_load_set_value(load, "y", 1);
}

static void a_loader_has_no_old_value(void **state)
{
	struct plan *plan = *state;
	struct sc_value value;

	assert_int_equal(sct_fetch(plan->cache, SC_KEY(1), look_for_old, NULL, &value, NULL),
		SC_LOADED);
	sc_value_release(&value);
}

/* ---- Objects ---- */

static int freed;

static void count_free(void *pointer, void *context)
{
	(void)pointer;
	(void)context;
	freed++;
}

static int replace_object(struct sc_load *load, void *context)
{
	const struct sc_value *old = sc_load_old(load);
	const struct sc_object object = { .pointer = context, .free = count_free };

	assert_int_equal(freed, 0);
	assert_non_null(old);
	assert_string_equal(old->data, "first");
	return sc_load_set_object(load, &object);
}

static void objects_are_freed_once(void **state)
{
	struct plan *plan = *state;
	char first[] = "first", second[] = "second";
	const struct sc_object object = { .pointer = first, .free = count_free };
	struct sc_value value;

	freed = 0;
	assert_int_equal(sc_cache_put_object(plan->cache, SC_KEY(1), &object, NULL), SC_OK);
	assert_int_equal(
		sc_cache_update(plan->cache, SC_KEY(1), replace_object, second, &value, NULL),
		SC_LOADED);
	assert_int_equal(freed, 1);
	assert_ptr_equal(value.data, second);
	sc_value_release(&value);
	sc_cache_clear(plan->cache);
	assert_int_equal(freed, 2);
}

/* ---- What others do meanwhile ---- */

static void put_meanwhile(struct plan *plan)
{
	if (plan->calls == 1)
		sct_put(plan->cache, SC_KEY(1), "put");
}

static void invalidate_meanwhile(struct plan *plan)
{
	if (plan->calls == 1)
		sc_cache_invalidate(plan->cache, SC_KEY(1));
}

static void clear_meanwhile(struct plan *plan)
{
	if (plan->calls == 1)
		sc_cache_clear(plan->cache);
}

static void a_change_meanwhile_is_not_lost(void **state)
{
	struct plan *plan = *state;

	sct_put(plan->cache, SC_KEY(1), "old");
	plan->also = put_meanwhile;
	assert_updates(plan, SC_LOADED, "putx");
	assert_int_equal(plan->calls, 2);
	plan->also = invalidate_meanwhile;
	plan->calls = 0;
	assert_updates(plan, SC_LOADED, "x");
	assert_string_equal(plan->seen, "-");
	plan->also = clear_meanwhile;
	plan->calls = 0;
	assert_updates(plan, SC_LOADED, "x");
	assert_int_equal(plan->calls, 2);
	/* Also what it would have failed with is no answer any more. */
	plan->also = put_meanwhile;
	plan->calls = 0;
	plan->add = NULL;
	assert_updates(plan, SC_HIT, "put");
	assert_int_equal(plan->calls, 2);
}

static void fetch_its_own_key(struct plan *plan)
{
	struct sc_value value;

	sct_put(plan->cache, SC_KEY(2), "another");
	assert_int_equal(sct_fetch(plan->cache, SC_KEY(1), look_for_old, NULL, &value, NULL),
		SC_E_CYCLE);
	assert_int_equal(sc_cache_update(plan->cache, SC_KEY(1), append, plan, &value, NULL),
		SC_E_CYCLE);
	sct_assert_get(plan->cache, SC_KEY(2), "another");
}

static void one_that_wants_itself_is_a_cycle(void **state)
{
	struct plan *plan = *state;

	plan->also = fetch_its_own_key;
	assert_updates(plan, SC_LOADED, "x");
}

/* ---- Threads ---- */

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

/* A value says from which put it comes, and how often it was updated since. Two updates that begin with
 * the same value end with the same one, and then one of them is lost. */
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
		sct_check(
			sct_fetch(cache, SC_KEY(1), look_for_old, NULL, &value, NULL) == SC_LOADED);
	}
	sct_check(value.len == 7 && memcmp(value.data, "updated", 7) == 0);
	sc_value_release(&value);
}

static void who_misses_meanwhile_waits_for_it(void **state)
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
		sct_check(sct_fetch(cache, SC_KEY(1), look_for_old, NULL, &value, NULL) > 0);
	}
	sc_value_release(&value);
}

/* An update that leaves nothing answers nobody else: who waited loads. */
static void who_waited_for_nothing_loads(void **state)
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, plan_open, plan_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(begins_with_nothing_and_goes_on),
		CASE(leaves_things_as_they_are),
		CASE(removes),
		CASE(fails_and_changes_nothing),
		CASE(bad_arguments),
		CASE(nobody_wants_the_value),
		CASE(the_old_value_stays_with_who_holds_it),
		CASE(what_is_not_to_be_kept_is_given),
		CASE(a_loader_has_no_old_value),
		CASE(objects_are_freed_once),
		CASE(a_change_meanwhile_is_not_lost),
		CASE(one_that_wants_itself_is_a_cycle),
		cmocka_unit_test(no_count_is_lost),
		cmocka_unit_test(no_update_is_made_twice),
		cmocka_unit_test(who_misses_meanwhile_waits_for_it),
		cmocka_unit_test(who_waited_for_nothing_loads),
		cmocka_unit_test(an_update_waits_for_a_load),
		cmocka_unit_test(a_deadline_ends_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
