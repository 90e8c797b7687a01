/* Every allocation of an update, a fetch of many keys and an iteration fails in turn: the update
 * changes nothing, the fetch fails for the affected keys, the iteration loses no key. */
#include "cache/out_of_memory.h"

const char sct_long_text[SCT_LONG_TEXT_LEN];

static int add_x(struct sc_load *load, void *context)
{
	const struct sc_value *old = sc_load_old(load);
	void *text;

	(void)context;
	int rc = sc_load_reserve(load, old ? old->len + 1 : 1, &text);
	if (rc < 0)
		return sc_load_fail(load, rc, "no memory for the value");
	memset(text, 'x', old ? old->len + 1 : 1);
	return 0;
}

/* Returns whether the update succeeded. */
static bool update(struct sc_cache *cache, struct sc_key key, const char *text)
{
	struct sc_value value = { .len = 9 };
	struct sc_error error = { 0 };

	int rc = sc_cache_update(cache, key, add_x, NULL, &value, &error);
	if (rc == SC_LOADED) {
		sct_assert_value(&value, text);
		sc_value_release(&value);
		return true;
	}
	assert_true(sct_allocation_failed());
	assert_true(rc == SC_E_NOMEM || (rc == SC_E_LOAD && error.user_code == SC_E_NOMEM));
	assert_int_equal(error.code, rc);
	assert_null(value.data);
	return false;
}

static void update_with(struct sc_cache *cache, struct sc_key key)
{
	while (!update(cache, key, "x"))
		;
	while (!update(cache, key, "xx"))
		;
	assert_int_equal(sct_stats(cache).pinned, 0);
}

static void update_some(void *arg)
{
	struct sc_cache *cache = sct_try_to_open(NULL);

	(void)arg;
	if (!cache)
		return;
	update_with(cache, SC_KEY("short", 1));
	update_with(cache, SCT_LONG_KEY);
	sc_cache_close(cache);
}

static int give_one(struct sc_load *const *loads, size_t count, void *context)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		if (sc_load_set_value(loads[i], "1", 1) < 0)
			sc_load_fail(loads[i], SC_E_NOMEM, "no memory for the value");
	return 0;
}

static void fetch_some(void *arg)
{
	struct sc_cache *cache =
		sct_try_to_open(SC_CACHE_OPTIONS(.max_bytes = 64 << 10, .batch_loader = give_one));
	struct sc_part parts[] = { sc_part_integer(1),
		sc_part_bytes(sct_long_text, sizeof sct_long_text), sc_part_integer(1) };
	const struct sc_key keys[] = { { &parts[0], 1 }, { &parts[1], 1 }, { &parts[2], 1 } };
	struct sc_fetch_result results[3];

	(void)arg;
	if (!cache)
		return;
	for (int rc = 0; rc < 3;) {
		rc = sc_cache_fetch_many(cache, keys, 3, NULL, results);
		assert_true(rc == 3 || sct_allocation_failed());
		for (int i = 0; i < 3; i++) {
			int outcome = results[i].outcome;
			assert_true(outcome == SC_LOADED || outcome == SC_HIT ||
				outcome == SC_E_NOMEM ||
				(outcome == SC_E_LOAD && results[i].error.user_code == SC_E_NOMEM));
			assert_int_equal(results[i].value.len, outcome > 0);
		}
		sc_fetch_results_release(results, 3);
	}
	assert_int_equal(sct_stats(cache).pinned, 0);
	sc_cache_close(cache);
}

/* Three keys, of which two do not fit into one batch of the iterator. */
static void iterate(void *arg)
{
	static const char text[20000];
	struct sc_cache *cache = arg;
	struct sc_iterator *iterator = (struct sc_iterator *)(uintptr_t)8;
	const struct sc_key *key = NULL;
	size_t lengths = 0;

	int rc = sc_iterator_open(&iterator, cache);
	sct_assert_done_or_out_of_memory(rc, 0, NULL);
	if (rc < 0) {
		assert_null(iterator);
		return;
	}
	while ((rc = sc_iterator_next(iterator, &key)) != SC_MISS) {
		sct_assert_done_or_out_of_memory(rc, SC_HIT, NULL);
		if (rc == SC_HIT)
			lengths += key->parts[0].len;
		else
			assert_null(key);
	}
	assert_int_equal(lengths, 1 + sizeof text / 2 + sizeof text);
	sc_iterator_close(iterator);
}

static void updates_that_find_no_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(update_some, NULL);
}

static void fetches_that_find_no_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(fetch_some, NULL);
}

static void iterations_that_find_no_memory(void **state)
{
	static const char text[20000];
	struct sc_cache *cache = sct_cache_open(NULL);

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY("1"), "x"), SC_OK);
	assert_int_equal(sct_put(cache, SC_KEY(SC_BYTES(text, sizeof text)), "x"), SC_OK);
	assert_int_equal(sct_put(cache, SC_KEY(SC_BYTES(text, sizeof text / 2)), "x"), SC_OK);
	sct_fail_each_allocation(iterate, cache);
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(updates_that_find_no_memory),
		cmocka_unit_test(fetches_that_find_no_memory),
		cmocka_unit_test(iterations_that_find_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
