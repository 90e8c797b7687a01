/* Scopes: whose data it is, who may use a cache, and what is left of a scope that was dropped.
 * scope_model_test.c has random histories. */
#include "cache/cache_fixture.h"
#include "cache/handle.h"
#include "cache/out_of_memory.h"
#include "support/threads.h"

#include <scopecache/process.h>
#include <scopecache/scope.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	struct sc_cache *cache;
	_Atomic int64_t now_ms;
	_Atomic int loads;
	int64_t remaining_ms;
	size_t parts;
	void (*then)(void);
	char value[64];
} the;

static int load(struct sc_load *load, void *context)
{
	(void)context;
	the.loads++;
	the.parts = sc_load_key(load)->count;
	the.remaining_ms = sc_load_remaining_ms(load);
	if (the.then)
		the.then();
	return sc_load_set_value(load, the.value, strlen(the.value));
}

static void open_with(struct sc_cache_options options)
{
	options.loader = load;
	options.max_bytes = 1 << 20;
	options.clock = sct_clock_of(&the.now_ms);
	the.cache = sct_cache_open(&options);
}

static int set_up(void **state)
{
	(void)state;
	memset(&the, 0, sizeof the);
	the.now_ms = 1000;
	strcpy(the.value, "loaded");
	open_with(*SC_CACHE_OPTIONS(.ttl_ms = 1000));
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

static void begin(const char *tenant)
{
	const struct sc_invocation_info info = { .size = sizeof info,
		.remaining_ms = 100000,
		.tenant_id = tenant };

	sc_cache_hooks()->invocation_begin(sc_cache_hooks()->context, &info);
}

static void end(void)
{
	const struct sc_invocation_info info = { .size = sizeof info };

	sc_cache_hooks()->invocation_end(sc_cache_hooks()->context, &info);
}

static struct sc_scope enter(const char *user)
{
	struct sc_scope outer;

	assert_int_equal(sc_scope_enter(&outer, user), 0);
	return outer;
}

static void put_as(const char *user, const char *text)
{
	struct sc_scope outer = enter(user);

	assert_int_equal(sct_put(the.cache, SC_KEY("key"), text), SC_OK);
	sc_scope_leave(&outer);
}

static void assert_get_as(const char *user, const char *text)
{
	struct sc_scope outer = enter(user);

	sct_assert_get(the.cache, SC_KEY("key"), text);
	sc_scope_leave(&outer);
}

/* Every call that takes a key. */
static void assert_refused_after(int loads)
{
	const struct sc_key keys[] = { SC_KEY("key") };
	struct sc_iterator *iterator;
	struct sc_fetch_result result;
	struct sc_error error = { 0 };
	struct sc_value value;
	char buffer[8];
	size_t len;

	assert_int_equal(sc_cache_get(the.cache, keys[0], buffer, 8, &len), SC_E_SCOPE);
	assert_int_equal(sc_cache_acquire(the.cache, keys[0], &value), SC_E_SCOPE);
	assert_int_equal(sc_cache_peek(the.cache, keys[0], &value), SC_E_SCOPE);
	assert_int_equal(sct_put(the.cache, keys[0], "x"), SC_E_SCOPE);
	assert_int_equal(sc_cache_invalidate(the.cache, keys[0]), SC_E_SCOPE);
	assert_int_equal(sc_cache_fetch(the.cache, keys[0], &value, &error), SC_E_SCOPE);
	assert_int_equal(error.code, SC_E_SCOPE);
	assert_non_null(strstr(error.message, "the thread is in no scope"));
	assert_int_equal(sc_cache_update(the.cache, keys[0], load, NULL, NULL, NULL), SC_E_SCOPE);
	assert_int_equal(sc_cache_fetch_many(the.cache, keys, 1, NULL, &result), 0);
	assert_int_equal(result.outcome, SC_E_SCOPE);
	assert_int_equal(sc_iterator_open(&iterator, the.cache), SC_E_SCOPE);
	assert_null(iterator);
	assert_int_equal(the.loads, loads);
}

static void assert_refused(void)
{
	assert_refused_after(0);
}

/* This is the first test: no scope was entered in the process before. */
static void without_scopes_nothing_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sct_put(the.cache, SC_KEY("key"), "nobody's"), SC_OK);
	sct_assert_get(the.cache, SC_KEY("key"), "nobody's");
	begin(NULL);
	sct_assert_get(the.cache, SC_KEY("key"), "nobody's");
	end();
	struct sc_scope outer = enter("ann");
	/* What was nobody's is not ann's. */
	sct_assert_get(the.cache, SC_KEY("key"), NULL);
	sc_scope_leave(&outer);
	assert_refused();
	begin(NULL);
	assert_refused();
	end();
}

static void users_do_not_see_each_other(void **state)
{
	(void)state;
	put_as("ann", "ann's");
	assert_get_as("bob", NULL);
	put_as("bob", "bob's");
	assert_get_as("ann", "ann's");
	assert_get_as("bob", "bob's");
	struct sc_scope outer = enter("bob");
	assert_int_equal(sc_cache_invalidate(the.cache, SC_KEY("key")), SC_HIT);
	sc_scope_leave(&outer);
	assert_get_as("ann", "ann's");
	assert_refused();
}

static void tenants_do_not_see_each_other(void **state)
{
	static const char *const names[][2] = { { "a", "bc" }, { "ab", "c" }, { "abc", NULL },
		{ NULL, "abc" }, { "", "abc" }, { NULL, "a" } };
	enum { NAMES = sizeof names / sizeof names[0] };

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < NAMES; i++) {
			struct sc_scope outer;
			char text[8] = { (char)('0' + i) };
			begin(names[i][0]);
			if (names[i][1])
				outer = enter(names[i][1]);
			sct_assert_get(the.cache, SC_KEY("key"), round ? text : NULL);
			assert_int_equal(sct_put(the.cache, SC_KEY("key"), text), SC_OK);
			if (names[i][1])
				sc_scope_leave(&outer);
			end();
		}
}

static void a_shared_cache_has_no_scopes(void **state)
{
	struct sc_error error = { 0 };
	struct sc_cache *cache;

	(void)state;
	reopen(SC_CACHE_OPTIONS(.shared = 1));
	assert_int_equal(sct_put(the.cache, SC_KEY("key"), "everybody's"), SC_OK);
	assert_get_as("ann", "everybody's");
	put_as("ann", "still everybody's");
	assert_get_as("bob", "still everybody's");
	sct_assert_get(the.cache, SC_KEY("key"), "still everybody's");
	assert_int_equal(sc_cache_open(&cache, SC_CACHE_OPTIONS(.shared = 1, .strict = 1), &error),
		SC_E_INVAL);
	assert_string_equal(error.message,
		"shared and strict exclude each other: a shared cache has no scopes");
}

static void a_user_is_within_the_tenant(void **state)
{
	(void)state;
	begin("acme");
	assert_int_equal(sct_put(the.cache, SC_KEY("key"), "acme's"), SC_OK);
	struct sc_scope outer = enter("ann");
	sct_assert_get(the.cache, SC_KEY("key"), NULL);
	/* Another user in place of this one, and back. */
	struct sc_scope inner = enter("bob");
	assert_int_equal(sct_put(the.cache, SC_KEY("key"), "bob's"), SC_OK);
	sc_scope_leave(&inner);
	sct_assert_get(the.cache, SC_KEY("key"), NULL);
	sc_scope_leave(&outer);
	sct_assert_get(the.cache, SC_KEY("key"), "acme's");
	/* Whatever is left open ends with the invocation, and not later. */
	outer = enter("ann");
	end();
	assert_refused();
	begin("other");
	sc_scope_leave(&outer);
	sct_assert_get(the.cache, SC_KEY("key"), NULL);
	assert_get_as("bob", NULL);
	end();
	begin("acme");
	assert_get_as("bob", "bob's");
	end();
}

static void a_name_that_cannot_be_used(void **state)
{
	static char name[SC_SCOPE_NAME_BYTES_MAX + 2];
	struct sc_scope outer, inner;

	(void)state;
	memset(name, 'n', sizeof name - 1);
	outer = enter("ann");
	const struct {
		const char *name;
		int rc;
	} bad[] = { { NULL, SC_E_INVAL }, { "", SC_E_INVAL }, { name, SC_E_TOO_LARGE } };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(sc_scope_enter(&inner, bad[i].name), bad[i].rc);
		/* It is not ann that goes on. */
		assert_refused();
		sc_scope_leave(&inner);
		sct_assert_get(the.cache, SC_KEY("key"), NULL);
	}
	sc_scope_leave(&outer);
	begin(name);
	assert_refused();
	end();
	name[SC_SCOPE_NAME_BYTES_MAX] = '\0';
	put_as(name, "long");
	assert_get_as(name, "long");
}

/* ---- Invalidation ---- */

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

/* ---- Contexts ---- */

static void *get_in_context(void *captured)
{
	struct sc_context outer;
	struct sc_value value;
	char buffer[8];
	size_t len;

	sct_check(sc_cache_get(the.cache, SC_KEY("key"), buffer, 8, &len) == SC_E_SCOPE);
	sc_context_enter(captured, &outer);
	sct_check(sc_cache_get(the.cache, SC_KEY("key"), buffer, 8, &len) == SC_HIT);
	sct_check(sc_cache_fetch(the.cache, SC_KEY(2), &value, NULL) == SC_LOADED);
	sct_check(the.remaining_ms <= 100000);
	sc_value_release(&value);
	struct sc_scope user;
	sct_check(sc_scope_enter(&user, "bob") == 0);
	sct_check(sc_cache_get(the.cache, SC_KEY("key"), buffer, 8, &len) == SC_MISS);
	sc_scope_leave(&user);
	sc_context_leave(&outer);
	sct_check(sc_cache_get(the.cache, SC_KEY("key"), buffer, 8, &len) == SC_E_SCOPE);
	return NULL;
}

static void a_worker_enters_what_was_captured(void **state)
{
	struct sc_context context;
	pthread_t thread;

	(void)state;
	begin("acme");
	struct sc_scope outer = enter("ann");
	assert_int_equal(sct_put(the.cache, SC_KEY("key"), "ann's"), SC_OK);
	sc_context_capture(&context);
	assert_int_equal(pthread_create(&thread, NULL, get_in_context, &context), 0);
	pthread_join(thread, NULL);
	sc_scope_leave(&outer);
	end();
}

/* A call may name whose it is, as an event loop does that works for many at once. */
static void a_call_may_name_a_context(void **state)
{
	struct sc_context contexts[2];
	const struct sc_key key = SC_KEY("key");
	static int thing;
	const struct sc_object object = { .pointer = &thing, .weight = 1 };
	struct sc_fetch_result result;
	struct sc_value value;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sc_scope outer = enter(i ? "bob" : "ann");
		sc_context_capture(&contexts[i]);
		sc_scope_leave(&outer);
	}
	assert_int_equal(sc_cache_put_with(the.cache, key, "ann's", 5,
				 SC_PUT_OPTIONS(.context = &contexts[0])),
		SC_OK);
	assert_int_equal(sc_cache_put_object(the.cache, SC_KEY("object"), &object,
				 SC_PUT_OPTIONS(.context = &contexts[0])),
		SC_OK);
	assert_int_equal(sc_cache_fetch_with(the.cache, key,
				 SC_FETCH_OPTIONS(.context = &contexts[0]), &value, NULL),
		SC_HIT);
	sct_assert_value(&value, "ann's");
	sc_value_release(&value);
	assert_int_equal(sc_cache_fetch_many(the.cache, &key, 1,
				 SC_FETCH_OPTIONS(.context = &contexts[1]), &result),
		1);
	assert_int_equal(result.outcome, SC_LOADED);
	sc_fetch_results_release(&result, 1);
	assert_refused_after(1);
	assert_get_as("bob", "loaded");
	assert_get_as("ann", "ann's");
}

/* ---- Strict caches ---- */

static void in_a_new_process(void (*body)(void))
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void use_in_a_child(void)
{
	struct sc_scope outer;
	char buffer[8];
	size_t len;

	sct_check(sc_scope_enter(&outer, "ann") == 0);
	sct_check(sc_cache_get(the.cache, SC_KEY("key"), buffer, 8, &len) == SC_HIT);
	sc_scope_leave(&outer);
	sct_check(sc_scope_invalidate(NULL, "ann") == SC_HIT);
	sct_check(sc_scope_enter(&outer, "ann") == 0);
	sct_check(sc_cache_get(the.cache, SC_KEY("key"), buffer, 8, &len) == SC_MISS);
}

static void a_child_has_the_scopes(void **state)
{
	(void)state;
	put_as("ann", "ann's");
	in_a_new_process(use_in_a_child);
	assert_get_as("ann", "ann's");
}

/* The first invocation of this process had no tenant. */
static void a_strict_cache_has_one_tenant(void **state)
{
	(void)state;
	reopen(SC_CACHE_OPTIONS(.strict = 1));
	assert_refused();
	begin(NULL);
	assert_refused();
	put_as("ann", "ann's");
	end();
	begin("another");
	assert_refused();
	struct sc_scope outer = enter("ann");
	assert_refused();
	sc_scope_leave(&outer);
	end();
	begin(NULL);
	assert_get_as("ann", "ann's");
	end();
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

static unsigned count_keys(void)
{
	struct sc_iterator *iterator;
	const struct sc_key *key;
	unsigned count = 0;

	assert_int_equal(sc_iterator_open(&iterator, the.cache), 0);
	for (; sc_iterator_next(iterator, &key) == SC_HIT; count++)
		assert_int_equal(key->count, 1);
	sc_iterator_close(iterator);
	return count;
}

static void an_iteration_stays_in_its_scope(void **state)
{
	(void)state;
	put_as("ann", "ann's");
	put_as("bob", "bob's");
	struct sc_scope outer = enter("ann");
	assert_int_equal(sct_put(the.cache, SC_KEY(2), "ann's"), SC_OK);
	assert_int_equal(count_keys(), 2);
	sc_scope_leave(&outer);
	outer = enter("carol");
	assert_int_equal(count_keys(), 0);
	sc_scope_leave(&outer);
}

static void enter_and_put(void *context)
{
	struct sc_scope outer;

	(void)context;
	int rc = sc_scope_enter(&outer, "ann");
	sct_assert_done_or_out_of_memory(rc, 0, NULL);
	assert_int_equal(sct_put(the.cache, SC_KEY("key"), "ann's"), rc == 0 ? SC_OK : SC_E_SCOPE);
	sc_scope_leave(&outer);
	begin("acme");
	rc = sct_put(the.cache, SC_KEY("key"), "acme's");
	assert_true(rc == SC_OK || (rc == SC_E_SCOPE && sct_allocation_failed()));
	end();
	sc_scope_invalidate("acme", NULL);
	sc_scope_invalidate(NULL, "ann");
}

static void without_memory_a_thread_is_in_no_scope(void **state)
{
	(void)state;
	sc_scope_invalidate("acme", NULL);
	sc_scope_invalidate(NULL, "ann");
	sct_fail_each_allocation(enter_and_put, NULL);
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
		CASE(without_scopes_nothing_is_refused),
		CASE(users_do_not_see_each_other),
		CASE(tenants_do_not_see_each_other),
		CASE(a_shared_cache_has_no_scopes),
		CASE(a_user_is_within_the_tenant),
		CASE(a_name_that_cannot_be_used),
		CASE(nothing_is_left_of_a_dropped_scope),
		CASE(maintenance_frees_it_too),
		CASE(a_load_in_progress_is_not_stored),
		CASE(the_oldest_of_many_is_dropped),
		CASE(a_worker_enters_what_was_captured),
		CASE(a_call_may_name_a_context),
		CASE(a_child_has_the_scopes),
		CASE(a_strict_cache_has_one_tenant),
		CASE(a_refresh_runs_in_its_scope),
		CASE(an_iteration_stays_in_its_scope),
		CASE(without_memory_a_thread_is_in_no_scope),
		CASE(threads_enter_and_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
