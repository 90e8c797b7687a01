/* State of the whole process: the user's allocator, and the bypass that makes every lookup miss.
 * The allocator cannot change after its first allocation, so the cases depend on their order. */
#include "cache/cache_fixture.h"
#include "cache/fetch_with_loader.h"
#include "cache/scripted_loader.h"

#include <scopecache/memo.h>
#include <scopecache/process.h>
#include <scopecache/resource.h>

#include <stdlib.h>

/* ---- The bypass by the environment, which main() sets before it opens a cache ---- */

static void the_environment_makes_lookups_miss(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	assert_int_equal(sc_process_is_bypassed(), 1);
	assert_int_equal(sct_put(cache, SC_KEY(1), "x"), SC_OK);
	sct_assert_get(cache, SC_KEY(1), NULL);
	sc_process_set_bypass(0);
	sct_assert_get(cache, SC_KEY(1), "x");
	sc_cache_close(cache);
}

/* After a call, the environment variable is not read again. */
static void a_call_overrides_the_environment(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	assert_int_equal(sc_process_is_bypassed(), 0);
	sc_cache_close(cache);
}

/* ---- The bypass by calls ---- */

static int give_y(struct sc_load *load, void *context)
{
	++*(int *)context;
	return sc_load_set_value(load, "y", 1);
}

static void assert_all_miss(struct sc_cache *cache, struct sc_key key)
{
	struct sc_cache_stats before = { .size = sizeof before }, after = before;
	struct sc_value value;
	char buffer[2048];
	int loads = 0;
	size_t len;

	sc_cache_read_stats(cache, &before);
	assert_int_equal(sc_cache_get(cache, key, buffer, sizeof buffer, &len), SC_MISS);
	assert_int_equal(len, 0);
	assert_int_equal(sc_cache_acquire(cache, key, &value), SC_MISS);
	assert_int_equal(sc_cache_peek(cache, key, &value), SC_MISS);
	sc_cache_read_stats(cache, &after);
	assert_int_equal(after.misses - before.misses, 2);
	assert_int_equal(after.hits, before.hits);
	assert_int_equal(sct_fetch(cache, key, give_y, &loads, &value, NULL), SC_LOADED);
	sc_value_release(&value);
	assert_int_equal(loads, 1);
}

static void assert_bypassed(const struct sc_cache_options *options, struct sc_key key, size_t len)
{
	struct sc_cache *cache = sct_cache_open(options);
	char *text = calloc(1, len);

	assert_int_equal(sc_cache_put(cache, key, text, len), SC_OK);
	sc_process_set_bypass(1);
	assert_all_miss(cache, key);
	sc_process_set_bypass(0);
	sct_assert_get(cache, key, "y");
	free(text);
	sc_cache_close(cache);
}

static void every_kind_of_lookup_misses(void **state)
{
	(void)state;
	assert_bypassed(NULL, SC_KEY("short"), 5);
	assert_bypassed(NULL, SC_KEY("a key of", 2, "parts"), 2000);
	assert_bypassed(SC_CACHE_OPTIONS(.policy = SC_POLICY_LRU), SC_KEY(7), 5);
	assert_bypassed(SC_CACHE_OPTIONS(.ttl_ms = 1000, .concurrency = 4), SC_KEY(7), 5);
}

static void a_memo_calls_and_a_resource_stays(void **state)
{
	int calls = 0;
	struct sc_memo memo;
	struct sc_value value;

	(void)state;
	assert_int_equal(sc_memo_init(&memo, give_y, &calls, NULL, NULL), 0);
	sc_process_set_bypass(1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sc_memo_call(&memo, SC_KEY(1), &value, NULL), SC_LOADED);
		sc_value_release(&value);
	}
	sc_process_set_bypass(0);
	assert_int_equal(calls, 3);
	assert_int_equal(sc_memo_call(&memo, SC_KEY(1), &value, NULL), SC_HIT);
	sc_value_release(&value);
	sc_memo_fini(&memo);
}

static void an_allocator_after_the_first_allocation_is_refused(void **state)
{
	const struct sc_allocator allocator = { .allocate = NULL };

	(void)state;
	assert_int_equal(sc_process_set_allocator(NULL), SC_E_INVAL);
	assert_int_equal(sc_process_set_allocator(&allocator), SC_E_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_makes_lookups_miss),
		cmocka_unit_test(a_call_overrides_the_environment),
		cmocka_unit_test(every_kind_of_lookup_misses),
		cmocka_unit_test(a_memo_calls_and_a_resource_stays),
		cmocka_unit_test(an_allocator_after_the_first_allocation_is_refused),
	};

	setenv("SCOPECACHE_BYPASS", "1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
