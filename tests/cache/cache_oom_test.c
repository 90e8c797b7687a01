/* Each allocation fails in turn: the call reports it, nothing leaks, and the earlier state is
 * kept. */
#include "cache/fetch_with_loader.h"
#include "cache/model_object.h"
#include "cache/out_of_memory.h"
#include "support/threads.h"

#include "cache/cache_check.h"

#include <scopecache/memo.h>
#include <scopecache/resource.h>

const char sct_long_text[SCT_LONG_TEXT_LEN] = "a long text, with NULs behind it";

static void use_long_keys(void *options)
{
	struct sc_cache *cache = sct_try_to_open(options);
	struct sc_value value = { .len = 1 };
	char buffer[8];
	size_t len;

	if (!cache)
		return;
	int put = sct_put(cache, SCT_LONG_KEY, "old");
	sct_assert_done_or_out_of_memory(put, SC_OK, NULL);
	int again = sct_put(cache, SCT_LONG_KEY, "new");
	sct_assert_done_or_out_of_memory(again, SC_OK, NULL);

	int rc = sc_cache_get(cache, SCT_LONG_KEY, buffer, sizeof buffer, &len);
	sct_assert_done_or_out_of_memory(rc, SC_HIT, NULL);
	assert_int_equal(len, rc < 0 ? 0 : 3);
	if (rc == SC_HIT)
		assert_memory_equal(buffer, again == SC_OK ? "new" : "old", 3);
	rc = sc_cache_acquire(cache, SCT_LONG_KEY, &value);
	sct_assert_done_or_out_of_memory(rc, SC_HIT, NULL);
	if (rc < 0)
		sct_assert_no_value(&value);
	sc_value_release(&value);
	rc = sc_cache_peek(cache, SCT_LONG_KEY, &value);
	sct_assert_done_or_out_of_memory(rc, SC_HIT, NULL);
	if (rc < 0)
		sct_assert_no_value(&value);
	sc_value_release(&value);
	rc = sc_cache_invalidate(cache, SCT_LONG_KEY);
	sct_assert_done_or_out_of_memory(rc, SC_HIT, NULL);
	assert_int_equal(sct_stats(cache).entries, rc < 0 ? 1 : 0);
	sct_assert_cache_valid(cache);
	sc_cache_close(cache);
}

static int runs;

/* The first allocation of the first run is malloc(1) below: the calls before it allocate
 * nothing. */
static void use_short_keys(void *cache)
{
	static unsigned char large[6000];
	uint64_t max_bytes = sct_stats(cache).max_bytes;
	struct sc_value value;
	char buffer[8];
	size_t len;

	for (int i = 0; i < 100; i++) {
		assert_int_equal(sct_put(cache, SC_KEY("user", i), "value"), SC_OK);
		assert_int_equal(sc_cache_put_with(cache, SC_KEY("large"), large, sizeof large,
					 SC_PUT_OPTIONS(.ttl_ms = 1000, .tti_ms = 100, .cost = 5)),
			SC_OK);
		assert_int_equal(sc_cache_get(cache, SC_KEY("large"), large, sizeof large, &len),
			SC_HIT);
		assert_int_equal(
			sc_cache_get(cache, SC_KEY("user", i), buffer, sizeof buffer, &len),
			SC_HIT);
		assert_int_equal(sc_cache_acquire(cache, SC_KEY("user", i), &value), SC_HIT);
		sc_value_release(&value);
		assert_int_equal(sc_cache_invalidate(cache, SC_KEY("user", i - 10)),
			i < 10 ? SC_MISS : SC_HIT);
	}
	assert_int_equal(sc_cache_maintain(cache, 1000), 0);
	assert_int_equal(sc_cache_resize(cache, 0, max_bytes / 4 * 3, NULL), 0);
	assert_int_equal(sc_cache_resize(cache, 0, max_bytes, NULL), 0);
	assert_true(sct_stats(cache).entries > 0);
	sc_cache_clear(cache);
	void *volatile own = malloc(1); /* volatile: clang would remove the call */
	assert_true(runs++ > 0 || own == NULL);
	free(own);
}

static void ordinary_calls_allocate_nothing(void **state)
{
	struct sc_cache *caches[] = {
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 64 << 10)),
		sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 4 << 20, .concurrency = 8)),
	};

	(void)state;
	for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++) {
		runs = 0;
		sct_fail_each_allocation(use_short_keys, caches[i]);
		sc_cache_close(caches[i]);
	}
}

/* ---- Loading ---- */

static int load_in_two_ways(struct sc_load *load, void *context)
{
	int *calls = context;
	void *data = load;

	(*calls)++;
	int first = sc_load_set_value(load, "first", 5);
	sct_assert_done_or_out_of_memory(first, 0, NULL);
	int second = sc_load_reserve(load, 6, &data);
	sct_assert_done_or_out_of_memory(second, 0, NULL);
	if (second == 0)
		memcpy(data, "second", 6);
	else
		assert_null(data);
	/* The load succeeds with either value. */
	return first < 0 && second < 0 ? SC_E_NOMEM : 0;
}

static void assert_fetch(struct sc_cache *cache, struct sc_key key)
{
	struct sc_value value = { .len = 1 };
	struct sc_error error = { 0 };
	int calls = 0;

	int rc = sct_fetch(cache, key, load_in_two_ways, &calls, &value, &error);
	sct_assert_done_or_out_of_memory(rc, SC_LOADED, &error);
	if (rc < 0) {
		/* There was no memory to begin the load; a loader that was called has a value. */
		assert_int_equal(calls, 0);
		sct_assert_no_value(&value);
		/* No flight is left: the next fetch loads. */
		assert_int_equal(sct_fetch(cache, key, load_in_two_ways, &calls, &value, &error),
			SC_LOADED);
	}
	assert_int_equal(calls, 1);
	assert_true(value.len == 6 || sct_allocation_failed());
	assert_memory_equal(value.data, value.len == 6 ? "second" : "first", value.len);
	sc_value_release(&value);
	rc = sct_fetch(cache, key, load_in_two_ways, &calls, &value, &error);
	sct_assert_done_or_out_of_memory(rc, SC_HIT, &error);
	assert_int_equal(calls, 1);
	sc_value_release(&value);
}

static void fetch(void *options)
{
	struct sc_cache *cache = sct_try_to_open(options);

	if (!cache)
		return;
	assert_fetch(cache, SC_KEY("short", 1));
	assert_fetch(cache, SCT_LONG_KEY);
	assert_int_equal(sct_stats(cache).entries, 2);
	assert_int_equal(sct_stats(cache).pinned, 0);
	sc_cache_close(cache);
}

static int give_up(struct sc_load *load, void *context)
{
	(void)context;
	int rc = sc_load_set_value(load, "x", 1);
	return rc < 0 ? sc_load_fail(load, rc, "no memory for the answer") : 0;
}

static void fetch_or_fail(unsigned number, void *arg)
{
	struct sc_error error = { 0 };
	struct sc_value value;

	(void)number;
	int rc = sct_fetch(arg, SC_KEY("shared"), give_up, NULL, &value, &error);
	if (rc > 0) {
		sct_check(value.len == 1 && *(const char *)value.data == 'x');
	} else {
		sct_check(rc == SC_E_NOMEM || (rc == SC_E_LOAD && error.user_code == SC_E_NOMEM));
		sct_check(error.code == rc && error.message[0] != '\0');
		sct_check(value.data == NULL);
		sct_check(sct_allocation_failed());
	}
	sc_value_release(&value);
}

static void fetch_together(void *options)
{
	struct sc_cache *cache = sct_try_to_open(options);

	if (!cache)
		return;
	sct_threads_run(4, fetch_or_fail, cache);
	fetch_or_fail(0, cache);
	sc_cache_close(cache);
}

static void waiters_of_a_load_that_finds_no_memory(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		sct_fail_each_allocation(fetch_together, NULL);
}

/* ---- Objects and pins ---- */

static int try_to_put(struct sc_cache *cache, struct sc_key key, struct sct_object *thing)
{
	struct sc_object object = sct_object_for_cache(thing, 10);

	int rc = sc_cache_put_object(cache, key, &object, NULL);
	sct_assert_done_or_out_of_memory(rc, SC_OK, NULL);
	thing->is_given = rc == SC_OK;
	return rc;
}

static int give_thing(struct sc_load *load, void *context)
{
	struct sct_object *thing = context;
	struct sc_object object = sct_object_for_cache(thing, 10);

	int rc = sc_load_set_object(load, &object);
	sct_assert_done_or_out_of_memory(rc, 0, NULL);
	thing->is_given = rc == 0;
	return rc;
}

/* The caller still owns a refused object; a taken one is freed once. */
static void use_objects(void *options)
{
	struct sct_object first = { 0 }, second = { 0 }, third = { 0 }, loaded = { 0 };
	struct sc_cache *cache = sct_try_to_open(options);
	struct sc_value value;

	if (cache) {
		bool is_put = try_to_put(cache, SC_KEY("thing"), &first) == SC_OK;
		bool is_put_again = try_to_put(cache, SC_KEY("thing"), &second) == SC_OK;
		try_to_put(cache, SCT_LONG_KEY, &third);
		assert_int_equal(first.is_freed, is_put && is_put_again);
		assert_int_equal(sc_cache_acquire(cache, SC_KEY("thing"), &value),
			is_put || is_put_again ? SC_HIT : SC_MISS);
		sc_value_release(&value);
		int rc = sct_fetch(cache, SC_KEY("loaded"), give_thing, &loaded, &value, NULL);
		assert_true(rc == SC_LOADED || sct_allocation_failed());
		sc_cache_close(cache);
		assert_false(loaded.is_freed && rc == SC_LOADED);
		sc_value_release(&value);
	}
	assert_int_equal(first.is_freed, first.is_given);
	assert_int_equal(second.is_freed, second.is_given);
	assert_int_equal(third.is_freed, third.is_given);
	assert_int_equal(loaded.is_freed, loaded.is_given);
}

static int give_thing_then_value(struct sc_load *load, void *context)
{
	struct sct_object *thing = context;
	int rc = give_thing(load, thing);

	if (rc < 0)
		return rc;
	rc = sc_load_set_value(load, "value", 5);
	sct_assert_done_or_out_of_memory(rc, 0, NULL);
	/* Without memory for the value that would replace it, the object stays. */
	assert_int_equal(thing->is_freed, rc == 0);
	return 0;
}

static void replace_a_given_object(void *options)
{
	struct sct_object thing = { 0 };
	struct sc_cache *cache = sct_try_to_open(options);
	struct sc_value value;

	if (!cache)
		return;
	int rc = sct_fetch(cache, SC_KEY(1), give_thing_then_value, &thing, &value, NULL);
	if (rc == SC_LOADED && thing.is_freed)
		sct_assert_value(&value, "value");
	else if (rc == SC_LOADED)
		assert_ptr_equal(value.data, &thing);
	else
		assert_true(sct_allocation_failed());
	sc_value_release(&value);
	sc_cache_close(cache);
	assert_int_equal(thing.is_freed, thing.is_given);
}

#define HOLDS 258  /* more pins than a record can count: the others are copies */
#define LARGE 5000 /* so long that a get pins the value instead of copying it under the lock */

/* Beyond the pins that a record can count, a fetch and an acquire need memory; a get needs none. */
static void look_up_beyond_counted_pins(struct sc_cache *cache, size_t len)
{
	static unsigned char bytes[LARGE];
	struct sc_value value;
	int calls = 0;

	int rc = sct_fetch(cache, SC_KEY(1), load_in_two_ways, &calls, &value, NULL);
	sct_assert_done_or_out_of_memory(rc, SC_HIT, NULL);
	assert_int_equal(calls, 0);
	if (rc == SC_HIT)
		assert_true(value.len == len && sct_is_filled(value.data, len, 1));
	else
		sct_assert_no_value(&value);
	sc_value_release(&value);

	size_t got;
	assert_int_equal(sc_cache_get(cache, SC_KEY(1), bytes, sizeof bytes, &got), SC_HIT);
	assert_true(got == len && sct_is_filled(bytes, len, 1));
}

static void pin_often(const struct sc_cache_options *options, size_t len)
{
	static struct sc_value values[HOLDS];
	static unsigned char bytes[LARGE];
	struct sc_cache *cache = sct_try_to_open(options);

	if (!cache)
		return;
	sct_fill(bytes, len, 1);
	assert_int_equal(sc_cache_put(cache, SC_KEY(1), bytes, len), SC_OK);
	for (int i = 0; i < HOLDS; i++) {
		int rc = sc_cache_acquire(cache, SC_KEY(1), &values[i]);
		sct_assert_done_or_out_of_memory(rc, SC_HIT, NULL);
		if (rc == SC_HIT)
			assert_true(values[i].len == len && sct_is_filled(values[i].data, len, 1));
		else
			sct_assert_no_value(&values[i]);
	}
	look_up_beyond_counted_pins(cache, len);
	for (int i = 0; i < HOLDS; i++)
		sc_value_release(&values[i]);
	assert_int_equal(sct_stats(cache).pinned, 0);
	sct_assert_cache_valid(cache);
	sc_cache_close(cache);
}

static void pin_short_value_often(void *options)
{
	pin_often(options, 4);
}

static void pin_large_value_often(void *options)
{
	pin_often(options, LARGE);
}

/* ---- Resources and memos ---- */

static int opens;

static int open_block(void *context, void **instance, struct sc_error *error)
{
	(void)context;
	opens++;
	*instance = malloc(10);
	if (*instance)
		return 0;
	strcpy(error->message, "no memory for the client");
	return SC_E_NOMEM;
}

static void use_resource(void *arg)
{
	static struct sc_resource resource = SC_RESOURCE_INIT(open_block, free, NULL);
	struct sc_error error = { 0 };
	struct sc_held held = { .instance = &error };

	(void)arg;
	opens = 0;
	int rc = sc_resource_acquire(&resource, &held, &error);
	if (rc == SC_E_OPEN) {
		assert_int_equal(error.user_code, SC_E_NOMEM);
		assert_string_equal(error.message, "no memory for the client");
	} else {
		sct_assert_done_or_out_of_memory(rc, SC_LOADED, &error);
	}
	if (rc < 0) {
		assert_null(held.instance);
		assert_true(opens == 0 || rc == SC_E_OPEN);
		assert_int_equal(sc_resource_acquire(&resource, &held, NULL), SC_LOADED);
	}
	/* Acquiring and releasing an open resource needs no memory. */
	struct sc_held again;
	assert_int_equal(sc_resource_acquire(&resource, &again, NULL), SC_HIT);
	sc_resource_release(&resource, &again);
	sc_resource_reset(&resource);
	sc_resource_release(&resource, &held);
	sc_resource_fini(&resource);
}

static void use_memo_with(struct sc_key arguments)
{
	int calls = 0;
	struct sc_memo memo = SC_MEMO_INIT(SC_CACHE_OPTIONS(.loader = load_in_two_ways,
		.loader_context = &calls, .max_entries = 2));
	struct sc_memo_info info = { .size = sizeof info };
	struct sc_value value = { .len = 1 };
	struct sc_error error = { 0 };

	int rc = sc_memo_call(&memo, arguments, &value, &error);
	sct_assert_done_or_out_of_memory(rc, SC_LOADED, &error);
	if (rc < 0) {
		sct_assert_no_value(&value);
		assert_int_equal(sc_memo_call(&memo, arguments, &value, &error), SC_LOADED);
	}
	assert_int_equal(calls, 1);
	sc_value_release(&value);
	rc = sc_memo_call(&memo, arguments, &value, &error);
	sct_assert_done_or_out_of_memory(rc, SC_HIT, &error);
	assert_int_equal(calls, 1);
	assert_int_equal(sc_memo_read_info(&memo, &info), 0);
	assert_int_equal(info.currsize, 1);
	rc = sc_memo_invalidate(&memo, arguments);
	sct_assert_done_or_out_of_memory(rc, SC_HIT, NULL);
	assert_int_equal(sc_memo_read_info(&memo, &info), 0);
	assert_int_equal(info.currsize, rc == SC_HIT ? 0 : 1);
	sc_memo_clear(&memo);
	sc_memo_fini(&memo);
	sc_value_release(&value);
}

static void use_memo(void *arg)
{
	(void)arg;
	use_memo_with(SC_KEY(1));
	use_memo_with(SCT_LONG_KEY);
}

/* ---- All of them ---- */

struct scenario {
	const char *name;
	void (*run)(void *options);
	struct sc_cache_options options; /* of the cache; all zero: the usual ones */
};

#define STRIPED                                                                                    \
	{                                                                                          \
		.size = sizeof(struct sc_cache_options), .max_bytes = 4 << 20, .concurrency = 8    \
	}

#define SECRET                                                                                     \
	{                                                                                          \
		.size = sizeof(struct sc_cache_options), .max_bytes = 64 << 10, .secret = 1        \
	}

static const struct scenario scenarios[] = {
	{ "keys that cannot be encoded", use_long_keys, { 0 } },
	{ "a load that finds no memory", fetch, { 0 } },
	{ "objects that find no memory", use_objects, { 0 } },
	{ "an object, and then a value", replace_a_given_object, { 0 } },
	{ "more pins than a record can count", pin_short_value_often, { 0 } },
	{ "more pins of a large value", pin_large_value_often, { 0 } },
	{ "a striped cache: keys", use_long_keys, STRIPED },
	{ "a striped cache: loads", fetch, STRIPED },
	{ "a striped cache: objects", use_objects, STRIPED },
	{ "a striped cache: pins", pin_short_value_often, STRIPED },
	{ "a secret cache: keys", use_long_keys, SECRET },
	{ "a secret cache: pins", pin_short_value_often, SECRET },
	{ "a resource that finds no memory", use_resource, { 0 } },
	{ "a memo that finds no memory", use_memo, { 0 } },
};

#define SCENARIOS (sizeof scenarios / sizeof scenarios[0])

static void fails_in_turn(void **state)
{
	const struct scenario *scenario = *state;

	const struct sc_cache_options *options = &scenario->options;

	sct_fail_each_allocation(scenario->run, options->size ? (void *)(uintptr_t)options : NULL);
}

int main(void)
{
	struct CMUnitTest tests[SCENARIOS + 2] = {
		[SCENARIOS] = cmocka_unit_test(ordinary_calls_allocate_nothing),
		cmocka_unit_test(waiters_of_a_load_that_finds_no_memory),
	};

	/* The first scenario opens the first cache of the process, which makes more allocations. */
	for (size_t i = 0; i < SCENARIOS; i++)
		tests[i] = (struct CMUnitTest){ scenarios[i].name, fails_in_turn, NULL, NULL,
			(void *)(uintptr_t)&scenarios[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
