/* Loaders that use the cache they load for: other keys, their own key, and keys that change
 * under them. */
#include "cache/fetch_with_loader.h"
#include "cache/scripted_loader.h"

static void load_another(struct sc_load *load, struct sct_script *script)
{
	int64_t number = sc_load_number(load, 0);

	if (number > 0)
		sct_assert_fetches(script, SC_KEY(number - 1), SC_LOADED, "loaded");
}

static void a_loader_may_load_other_keys(void **state)
{
	struct sct_script *script = *state;

	script->also = load_another;
	sct_assert_fetches(script, SC_KEY(20), SC_LOADED, "loaded");
	assert_int_equal(script->calls, 21);
	assert_int_equal(sct_stats(script->cache).entries, 21);
	assert_int_equal(sct_stats(script->cache).load_waits, 0);
}

static void use_the_cache(struct sc_load *load, struct sct_script *script)
{
	char buffer[10];
	size_t len;

	(void)load;
	assert_int_equal(sct_put(script->cache, SC_KEY("side"), "effect"), SC_OK);
	assert_int_equal(sc_cache_get(script->cache, SC_KEY("loading"), buffer, 10, &len), SC_MISS);
	assert_int_equal(sc_cache_invalidate(script->cache, SC_KEY("other")), SC_MISS);
	assert_int_equal(sct_stats(script->cache).loads, 0);
}

static void a_loader_may_use_its_cache(void **state)
{
	struct sct_script *script = *state;

	script->also = use_the_cache;
	sct_assert_fetches(script, SC_KEY("loading"), SC_LOADED, "loaded");
	sct_assert_get(script->cache, SC_KEY("side"), "effect");
	sct_assert_get(script->cache, SC_KEY("loading"), "loaded");
}

static void ask_for_what_is_loading(struct sc_load *load, struct sct_script *script)
{
	struct sc_error error = { 0 };
	struct sc_value value = { .len = 5 };

	int rc = sct_fetch(script->cache, *sc_load_key(load), sct_play, script, &value, &error);
	assert_int_equal(rc, SC_E_CYCLE);
	sct_assert_no_value(&value);
	assert_int_equal(error.code, SC_E_CYCLE);
	assert_string_equal(error.message, sc_result_text(SC_E_CYCLE));
}

static void fetching_the_own_key_is_a_cycle(void **state)
{
	struct sct_script *script = *state;

	script->also = ask_for_what_is_loading;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "loaded");
	assert_int_equal(script->calls, 1);
	sct_assert_get(script->cache, SC_KEY(1), "loaded");
}

static void invalidate_and_ask(struct sc_load *load, struct sct_script *script)
{
	sc_cache_invalidate(script->cache, *sc_load_key(load));
	ask_for_what_is_loading(load, script);
	sc_cache_clear(script->cache);
	ask_for_what_is_loading(load, script);
}

/* The loader would call itself without end. */
static void an_invalidation_does_not_break_the_cycle(void **state)
{
	struct sct_script *script = *state;

	script->also = invalidate_and_ask;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "loaded");
	assert_int_equal(script->calls, 1);
}

static void fetch_the_other(struct sc_load *load, struct sct_script *script)
{
	struct sc_value value;

	/* The loader of 0 fetches 1, and that of 1 fetches 0. */
	script->result = sct_fetch(script->cache, SC_KEY(1 - sc_load_number(load, 0)), sct_play,
		script, &value, NULL);
	sc_value_release(&value);
}

static void two_keys_that_need_each_other_are_a_cycle(void **state)
{
	struct sct_script *script = *state;

	script->also = fetch_the_other;
	script->text = NULL;
	sct_assert_fails(script, SC_KEY(0), SC_E_LOAD, SC_E_LOAD, "the loader failed with -4");
	assert_int_equal(script->calls, 4);
	assert_int_equal(sct_stats(script->cache).load_failures, 4);
}

/* ---- Changes of the key during its load ---- */

static void put_what_does_not_fit(struct sc_load *load, struct sct_script *script)
{
	static char large[17 << 10];

	assert_int_equal(sc_cache_put(script->cache, *sc_load_key(load), large, sizeof large),
		SC_E_TOO_LARGE);
}

static void change_others(struct sc_load *load, struct sct_script *script)
{
	struct sc_cache *other = sct_cache_open(NULL);

	assert_int_equal(sct_put(script->cache, SC_KEY(1, 2), "other"), SC_OK);
	sc_cache_invalidate(script->cache, SC_KEY(1, 3));
	sc_cache_invalidate(other, *sc_load_key(load));
	sc_cache_clear(other);
	sc_cache_close(other);
}

static void a_change_during_a_load_wins(void **state)
{
	struct sct_script *script = *state;

	sc_cache_close(script->cache);
	script->cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 16 << 10));
	script->also = sct_also_invalidate;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "loaded");
	sct_assert_get(script->cache, SC_KEY(1), NULL);
	script->also = sct_also_clear;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "loaded");
	sct_assert_get(script->cache, SC_KEY(1), NULL);
	script->also = put_what_does_not_fit;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "loaded");
	sct_assert_get(script->cache, SC_KEY(1), NULL);
	script->also = sct_also_put;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "loaded");
	sct_assert_get(script->cache, SC_KEY(1), "put");
	/* Changes of other keys and caches do not invalidate the load. */
	script->also = change_others;
	sct_assert_fetches(script, SC_KEY(2), SC_LOADED, "loaded");
	sct_assert_get(script->cache, SC_KEY(2), "loaded");
}

#define scripted_case(test) cmocka_unit_test_setup_teardown(test, sct_script_open, sct_script_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scripted_case(a_loader_may_load_other_keys),
		scripted_case(a_loader_may_use_its_cache),
		scripted_case(fetching_the_own_key_is_a_cycle),
		scripted_case(an_invalidation_does_not_break_the_cycle),
		scripted_case(two_keys_that_need_each_other_are_a_cycle),
		scripted_case(a_change_during_a_load_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
