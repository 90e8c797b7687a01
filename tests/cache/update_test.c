/* sc_cache_update(): a new value computed from the old one, atomically. */
#include "cache/cache_fixture.h"
#include "cache/fetch_with_loader.h"
#include "support/threads.h"

#include <stdio.h>

/* The plan of a case's update function. */
struct plan {
	struct sc_cache *cache;
	const char *add; /* appended to the old value; NULL: give nothing */
	int result;
	int calls;
	char seen[64]; /* the old value that it saw; "-": none */
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

static void an_update_begins_without_a_value(void **state)
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

static void an_update_without_a_value_keeps_the_old_one(void **state)
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
	/* The same for an absent key. */
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

static void an_update_without_an_output_value(void **state)
{
	struct plan *plan = *state;

	assert_int_equal(sc_cache_update(plan->cache, SC_KEY(1), append, plan, NULL, NULL),
		SC_LOADED);
	plan->add = NULL;
	assert_int_equal(sc_cache_update(plan->cache, SC_KEY(1), append, plan, NULL, NULL), SC_HIT);
	sct_assert_get(plan->cache, SC_KEY(1), "x");
}

static void a_pinned_old_value_survives_the_update(void **state)
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

static void an_updated_value_with_a_negative_ttl_is_returned_but_not_stored(void **state)
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

/* ---- Changes during an update ---- */

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
	/* A result without a value does not count either when its old value has changed. */
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

static void an_update_of_its_own_key_is_a_cycle(void **state)
{
	struct plan *plan = *state;

	plan->also = fetch_its_own_key;
	assert_updates(plan, SC_LOADED, "x");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, plan_open, plan_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_update_begins_without_a_value),
		CASE(an_update_without_a_value_keeps_the_old_one),
		CASE(removes),
		CASE(fails_and_changes_nothing),
		CASE(bad_arguments),
		CASE(an_update_without_an_output_value),
		CASE(a_pinned_old_value_survives_the_update),
		CASE(an_updated_value_with_a_negative_ttl_is_returned_but_not_stored),
		CASE(a_loader_has_no_old_value),
		CASE(objects_are_freed_once),
		CASE(a_change_meanwhile_is_not_lost),
		CASE(an_update_of_its_own_key_is_a_cycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
