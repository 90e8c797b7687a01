/* Scopes: what is left of one that was dropped, refreshes in their scopes, and threads. */
#include "cache/handle.h"
#include "cache/scope_fixture.h"
#include "support/threads.h"

#include <scopecache/process.h>

static bool region_has(const char *text)
{
	const char *at = the.cache->region, *last = at + the.cache->region_bytes - strlen(text);

	while (at <= last && memcmp(at, text, strlen(text)) != 0)
		at++;
	return at <= last;
}

static void nothing_is_left_of_a_dropped_scope(void **state)
{
	(void)state;
	begin("acme");
	put_as("ann", "secret of ann");
	put_as("bob", "secret of bob");
	struct sc_scope outer = enter("ann");
	assert_int_equal(sc_scope_invalidate("acme", "ann"), SC_HIT);
	assert_int_equal(sc_scope_invalidate("acme", "ann"), SC_MISS);
	assert_refused();
	sc_scope_leave(&outer);
	assert_get_as("ann", NULL);
	assert_get_as("bob", "secret of bob");
	assert_true(region_has("secret of ann"));
	end();
	/* Its bytes are gone with the answer. */
	assert_false(region_has("secret of ann"));
	assert_true(region_has("secret of bob"));
	assert_int_equal(sct_stats(the.cache).entries, 1);
	assert_int_equal(sc_scope_invalidate("acm", "ebob"), SC_MISS);
	assert_int_equal(sc_scope_invalidate("acme", NULL), SC_HIT);
	begin("acme");
	assert_get_as("bob", NULL);
	end();
	assert_false(region_has("secret of bob"));
	assert_int_equal(sct_stats(the.cache).entries, 0);
}

static void maintenance_frees_it_too(void **state)
{
	(void)state;
	reopen(SC_CACHE_OPTIONS(.concurrency = 2));
	struct sc_scope outer = enter("ann");
	for (int i = 0; i < 2000; i++)
		assert_int_equal(sct_put(the.cache, SC_KEY(i), "secret of ann"), SC_OK);
	sc_scope_leave(&outer);
	put_as("bob", "secret of bob");
	assert_int_equal(sc_scope_invalidate(NULL, "ann"), SC_HIT);
	assert_int_equal(sc_maintain(10000), 0);
	assert_false(region_has("secret of ann"));
	assert_int_equal(sct_stats(the.cache).entries, 1);
	assert_get_as("bob", "secret of bob");
}

static void invalidate_ann(void)
{
	sct_check(sc_scope_invalidate(NULL, "ann") == SC_HIT);
}

static void a_load_in_progress_is_not_stored(void **state)
{
	struct sc_value value;

	(void)state;
	struct sc_scope outer = enter("ann");
	the.then = invalidate_ann;
	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY("key"), &value, NULL), SC_LOADED);
	assert_int_equal(the.parts, 1);
	sc_value_release(&value);
	sc_scope_leave(&outer);
	assert_int_equal(sct_stats(the.cache).entries, 0);
	the.then = NULL;
	assert_get_as("ann", NULL);
}

static void the_oldest_of_many_is_dropped(void **state)
{
	char name[32];

	(void)state;
	put_as("ann", "ann's");
	for (int i = 0; i < 1023; i++) {
		snprintf(name, sizeof name, "user %d", i);
		put_as(name, name);
	}
	assert_get_as("ann", "ann's");
	put_as("one more", "x");
	assert_get_as("user 0", NULL);
	assert_get_as("user 1022", "user 1022");
	assert_get_as("ann", "ann's");
}

/* ---- Refreshes ---- */

static void fetch_as(const char *user, int outcome)
{
	struct sc_scope outer = enter(user);
	struct sc_value value;

	assert_int_equal(sc_cache_fetch(the.cache, SC_KEY("key"), &value, NULL), outcome);
	sc_value_release(&value);
	sc_scope_leave(&outer);
}

static void put_during_a_refresh(void)
{
	sct_check(sct_put(the.cache, SC_KEY("seen"), "by the loader") == SC_OK);
}

static void a_refresh_runs_in_its_scope(void **state)
{
	(void)state;
	reopen(SC_CACHE_OPTIONS(.ttl_ms = 100, .stale_while_revalidate_ms = 100000));
	begin("acme");
	fetch_as("ann", SC_LOADED);
	fetch_as("bob", SC_LOADED);
	the.now_ms += 200;
	fetch_as("ann", SC_STALE);
	sc_process_set_refresh_budget_ms(0);
	end();
	sc_process_set_refresh_budget_ms(500);
	/* After an invocation of bob it is not ann's turn. */
	begin("acme");
	fetch_as("bob", SC_STALE);
	assert_int_equal(the.loads, 2);
	the.then = put_during_a_refresh;
	end();
	assert_int_equal(the.loads, 3);
	begin("acme");
	fetch_as("bob", SC_HIT);
	struct sc_scope outer = enter("bob");
	sct_assert_get(the.cache, SC_KEY("seen"), "by the loader");
	sc_scope_leave(&outer);
	end();
	assert_int_equal(the.loads, 3);
	begin("acme");
	assert_get_as("ann", NULL);
	end();
	assert_int_equal(the.loads, 4);
	/* One of a dropped scope is dropped. */
	the.now_ms += 200;
	begin("acme");
	fetch_as("ann", SC_STALE);
	assert_int_equal(sc_scope_invalidate("acme", "ann"), SC_HIT);
	end();
	assert_int_equal(sc_maintain(1000), 0);
	assert_int_equal(the.loads, 4);
}

/* ---- Threads ---- */

/* A value says whose it is. */
static void use_scopes_at_random(unsigned number, void *arg)
{
	unsigned random = number * 2654435761u + 1;
	char name[8], text[8], found[8];
	size_t len;

	(void)arg;
	for (int i = 0; i < 1500; i++) {
		struct sc_scope outer, inner;
		random = random * 1103515245u + 12345u;
		unsigned user = random >> 16 & 7;
		snprintf(name, sizeof name, "u%u", user);
		sct_check(sc_scope_enter(&outer, name) == 0);
		if (random >> 20 & 1) {
			sct_check(sc_scope_enter(&inner, "other") == 0);
			sc_cache_get(the.cache, SC_KEY(1), found, sizeof found, &len);
			sc_scope_leave(&inner);
		}
		snprintf(text, sizeof text, "of %u", user);
		int rc = sc_cache_get(the.cache, SC_KEY(1), found, sizeof found, &len);
		sct_check(rc != SC_HIT || (len == 4 && memcmp(found, text, 4) == 0));
		rc = sc_cache_put(the.cache, SC_KEY(1), text, 4);
		sct_check(rc == SC_OK || rc == SC_E_SCOPE);
		if ((random >> 24 & 15) == 0)
			sc_scope_invalidate(NULL, name);
		if ((random >> 24 & 31) == 1)
			sc_maintain(0);
		sc_scope_leave(&outer);
	}
}

static void threads_enter_and_leave(void **state)
{
	(void)state;
	sct_threads_run(4, use_scopes_at_random, NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(nothing_is_left_of_a_dropped_scope),
		CASE(maintenance_frees_it_too),
		CASE(a_load_in_progress_is_not_stored),
		CASE(the_oldest_of_many_is_dropped),
		CASE(a_refresh_runs_in_its_scope),
		CASE(threads_enter_and_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
