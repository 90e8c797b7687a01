/* Out of memory with several caches, threads, nested loads or a fork: the failing calls return
 * SC_E_NOMEM, and the next call works. */
#include "cache/fetch_with_loader.h"
#include "cache/out_of_memory.h"
#include "support/threads.h"

#include <scopecache/memo.h>
#include <scopecache/resource.h>

#include <sys/wait.h>
#include <unistd.h>

const char sct_long_text[SCT_LONG_TEXT_LEN];

#define CACHES  3
#define THREADS 4

/* ---- Several caches, and a fork ---- */

/* The child of a fork can use all open caches, whichever of them failed to open, even if the
 * registration of the fork handlers failed at first. */
static void assert_usable_in_child(struct sc_cache *const caches[CACHES])
{
	int status = -1;

	pid_t pid = fork();
	if (pid == 0) {
		bool good = true;
		for (int i = 0; i < CACHES; i++)
			good &= !caches[i] || sct_put(caches[i], SC_KEY("child"), "own") == SC_OK;
		_exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

static void open_several(void *arg)
{
	struct sc_cache *caches[CACHES];

	(void)arg;
	for (int i = 0; i < CACHES; i++) {
		caches[i] = sct_try_to_open(NULL);
		if (caches[i])
			assert_int_equal(sct_put(caches[i], SC_KEY(i), "mine"), SC_OK);
	}
	assert_usable_in_child(caches);
	for (int i = 0; i < CACHES; i++) {
		if (!caches[i])
			continue;
		sct_assert_get(caches[i], SC_KEY(i), "mine");
		sct_assert_get(caches[i], SC_KEY("child"), NULL);
		assert_int_equal(sct_stats(caches[i]).entries, 1);
	}
	for (int i = 0; i < CACHES; i++)
		sc_cache_close(caches[i]);
}

/* ---- Resizing and maintenance ---- */

static void resize_and_maintain(void *arg)
{
	_Atomic int64_t now_ms = 0;
	struct sc_cache *cache;
	struct sc_error error = { 0 };

	(void)arg;
	int rc = sc_cache_open(&cache,
		SC_CACHE_OPTIONS(.max_bytes = 64 << 10, .grow_bytes = 1 << 20, .max_entries = 50,
			.grow_entries = 500, .ttl_ms = 10, .clock = sct_clock_of(&now_ms)),
		&error);
	sct_assert_done_or_out_of_memory(rc, 0, &error);
	if (rc < 0)
		return;
	for (int i = 0; i < 600; i++) {
		if (i % 200 == 100)
			assert_int_equal(sc_cache_resize(cache, 500, 1 << 20, NULL), 0);
		if (i % 200 == 0)
			assert_int_equal(sc_cache_resize(cache, 20, 48 << 10, NULL), 0);
		assert_int_equal(sct_put(cache, SC_KEY(i), "due"), SC_OK);
	}
	now_ms = 20;
	assert_int_equal(sc_cache_maintain(cache, 100000), 0);
	assert_int_equal(sct_stats(cache).entries, 0);
	assert_int_equal(sct_stats(cache).bytes, 0);
	sc_cache_close(cache);
}

/* ---- Nested loads ---- */

static int load_inner(struct sc_load *load, void *context)
{
	(void)context;
	return sc_load_set_value(load, "inner", 5);
}

static int load_outer(struct sc_load *load, void *cache)
{
	struct sc_error error = { 0 };
	struct sc_value inner;

	int rc = sct_fetch(cache, SC_KEY("inner"), load_inner, NULL, &inner, &error);
	if (rc < 0)
		return sc_load_fail(load, rc, "no inner: %s", error.message);
	sct_assert_value(&inner, "inner");
	rc = sc_load_set_value(load, inner.data, inner.len);
	sc_value_release(&inner);
	return rc;
}

static void load_in_a_load(void *arg)
{
	struct sc_cache *cache = sct_try_to_open(NULL);
	struct sc_error error = { 0 };
	struct sc_value value;

	(void)arg;
	if (!cache)
		return;
	int rc = sct_fetch(cache, SCT_LONG_KEY, load_outer, cache, &value, &error);
	if (rc == SC_LOADED) {
		sct_assert_value(&value, "inner");
	} else {
		assert_true(rc == SC_E_NOMEM || rc == SC_E_LOAD);
		assert_true(sct_allocation_failed());
		assert_int_equal(error.code, rc);
		assert_int_not_equal(strlen(error.message), 0);
		sct_assert_no_value(&value);
	}
	sc_value_release(&value);
	/* Both flights are complete. */
	assert_true(sct_fetch(cache, SCT_LONG_KEY, load_outer, cache, &value, NULL) > 0 ||
		rc == SC_LOADED);
	sc_value_release(&value);
	assert_int_equal(sct_stats(cache).pinned, 0);
	sc_cache_close(cache);
}

/* ---- Threads ---- */

static void check_failure(int rc, const struct sc_error *error)
{
	sct_check(rc == SC_E_NOMEM || rc == SC_E_LOAD || rc == SC_E_OPEN);
	sct_check(sct_allocation_failed());
	sct_check(error->code == rc && error->message[0] != '\0');
}

static int open_block(void *context, void **instance, struct sc_error *error)
{
	(void)context;
	*instance = malloc(10);
	if (*instance)
		return 0;
	strcpy(error->message, "no memory for the client");
	return SC_E_NOMEM;
}

static void acquire_resource(unsigned number, void *resource)
{
	struct sc_error error = { 0 };
	struct sc_held held;

	(void)number;
	int rc = sc_resource_acquire(resource, &held, &error);
	if (rc < 0) {
		check_failure(rc, &error);
		sct_check(held.instance == NULL);
	} else {
		sct_check(held.instance != NULL);
	}
	sc_resource_release(resource, &held);
}

static void acquire_together(void *arg)
{
	static struct sc_resource resource = SC_RESOURCE_INIT(open_block, free, NULL);

	(void)arg;
	sct_threads_run(THREADS, acquire_resource, &resource);
	acquire_resource(0, &resource);
	sc_resource_fini(&resource);
}

/* Any of the threads may open the memo's cache. */
static void call_memo(unsigned number, void *memo)
{
	struct sc_error error = { 0 };
	struct sc_value value;

	int rc = sc_memo_call(memo, SC_KEY(number / 2), &value, &error);
	if (rc < 0) {
		check_failure(rc, &error);
		sct_check(value.data == NULL);
	} else {
		sct_check(value.len == 5 && memcmp(value.data, "inner", 5) == 0);
	}
	sc_value_release(&value);
}

static void call_together(void *arg)
{
	struct sc_memo memo = SC_MEMO_INIT(
		SC_CACHE_OPTIONS(.loader = load_inner, .loader_context = NULL, .max_entries = 8));

	(void)arg;
	sct_threads_run(THREADS, call_memo, &memo);
	call_memo(0, &memo);
	sc_memo_fini(&memo);
}

/* ---- All of them ---- */

static const struct scenario {
	const char *name;
	void (*run)(void *arg);
	int times; /* more than once where threads interleave in different orders */
} scenarios[] = {
	/* The first scenario opens the first cache of the process, which makes more allocations. */
	{ "several caches, and a fork", open_several, 1 },
	{ "bounds that change", resize_and_maintain, 1 },
	{ "a nested load", load_in_a_load, 1 },
	{ "threads that acquire one resource", acquire_together, 20 },
	{ "threads that call one memo", call_together, 20 },
};

#define SCENARIOS (sizeof scenarios / sizeof scenarios[0])

static void fails_in_turn(void **state)
{
	const struct scenario *scenario = *state;

	for (int i = 0; i < scenario->times; i++)
		sct_fail_each_allocation(scenario->run, NULL);
}

int main(void)
{
	struct CMUnitTest tests[SCENARIOS];

	for (size_t i = 0; i < SCENARIOS; i++)
		tests[i] = (struct CMUnitTest){ scenarios[i].name, fails_in_turn, NULL, NULL,
			(void *)(uintptr_t)&scenarios[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
