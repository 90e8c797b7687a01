/* Scopes: whose data it is, and who may use a cache. scope_dropped_test.c has what is left of a
 * scope that was dropped, scope_model_test.c random histories. */
#include "cache/out_of_memory.h"
#include "cache/scope_fixture.h"
#include "support/threads.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

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
		CASE(a_worker_enters_what_was_captured),
		CASE(a_call_may_name_a_context),
		CASE(a_child_has_the_scopes),
		CASE(a_strict_cache_has_one_tenant),
		CASE(an_iteration_stays_in_its_scope),
		CASE(without_memory_a_thread_is_in_no_scope),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
