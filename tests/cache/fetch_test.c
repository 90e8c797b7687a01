/* Fetches by one thread: what a loader sees, what it can give and report, and what is stored. */
#include "cache/fetch_with_loader.h"
#include "cache/scripted_loader.h"

static void loads_once_and_hits_from_then_on(void **state)
{
	struct sct_script *script = *state;

	sct_assert_fetches(script, SC_KEY("user", 1), SC_LOADED, "loaded");
	script->text = "another";
	sct_assert_fetches(script, SC_KEY("user", 1), SC_HIT, "loaded");
	sct_assert_get(script->cache, SC_KEY("user", 1), "loaded");
	sct_assert_fetches(script, SC_KEY("user", 2), SC_LOADED, "another");
	assert_int_equal(script->calls, 2);
	struct sc_cache_stats stats = sct_stats(script->cache);
	assert_int_equal(stats.hits, 2);
	assert_int_equal(stats.misses, 2);
	assert_int_equal(stats.loads, 2);
	assert_int_equal(stats.puts, 2);
	assert_int_equal(stats.load_failures + stats.load_waits + stats.rejected, 0);
}

static void a_key_that_was_put_is_not_loaded(void **state)
{
	struct sct_script *script = *state;

	assert_int_equal(sct_put(script->cache, SC_KEY(1), "put"), SC_OK);
	sct_assert_fetches(script, SC_KEY(1), SC_HIT, "put");
	assert_int_equal(sc_cache_invalidate(script->cache, SC_KEY(1)), SC_HIT);
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "loaded");
}

static void empty_values_are_values(void **state)
{
	struct sct_script *script = *state;

	script->text = "";
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "");
	sct_assert_fetches(script, SC_KEY(1), SC_HIT, "");
}

static void without_a_loader(void **state)
{
	struct sct_script *script = *state;
	struct sc_error error = { 0 };
	struct sc_value value = { .len = 5 };

	assert_int_equal(sct_fetch(script->cache, SC_KEY(1), NULL, NULL, &value, &error),
		SC_E_INVAL);
	sct_assert_no_value(&value);
	assert_int_equal(error.code, SC_E_INVAL);
	assert_string_equal(error.message,
		"there is no loader: open the cache with one, or name one for this fetch");
	assert_int_equal(sc_cache_fetch(script->cache, SC_KEY(1), &value, NULL), SC_E_INVAL);
	assert_int_equal(sc_cache_fetch_with(script->cache, SC_KEY(1), NULL, &value, NULL),
		SC_E_INVAL);
}

/* ---- Which loader ---- */

/* A fetch uses the loader of the cache's options, unless it has its own. */
static void the_caches_own_loader(void **state)
{
	struct sct_script *script = *state, other = { .text = "other" };
	struct sc_value value;

	sc_cache_close(script->cache);
	script->cache =
		sct_cache_open(SC_CACHE_OPTIONS(.loader = sct_play, .loader_context = script));
	assert_int_equal(sc_cache_fetch(script->cache, SC_KEY(1), &value, NULL), SC_LOADED);
	sct_assert_value(&value, "loaded");
	sc_value_release(&value);
	assert_int_equal(sc_cache_fetch_with(script->cache, SC_KEY(2), NULL, &value, NULL),
		SC_LOADED);
	sc_value_release(&value);
	assert_int_equal(
		sc_cache_fetch_with(script->cache, SC_KEY(3), SC_FETCH_OPTIONS(0), &value, NULL),
		SC_LOADED);
	sc_value_release(&value);
	assert_int_equal(script->calls, 3);
	assert_int_equal(sct_fetch(script->cache, SC_KEY(4), sct_play, &other, &value, NULL),
		SC_LOADED);
	sct_assert_value(&value, "other");
	sc_value_release(&value);
	assert_int_equal(other.calls, 1);
	script->calls++;
}

struct newer_fetch_options {
	struct sc_fetch_options known;
	uint64_t unknown;
};

static void fetch_options_of_other_versions(void **state)
{
	struct sct_script *script = *state;
	struct newer_fetch_options newer = {
		.known = { .size = sizeof newer, .loader = sct_play, .loader_context = script }
	};
	struct sc_fetch_options older = { .size = offsetof(struct sc_fetch_options, loader),
		.loader = sct_play,
		.loader_context = script };
	struct sc_value value;

	assert_int_equal(sc_cache_fetch_with(script->cache, SC_KEY(1), &newer.known, &value, NULL),
		SC_LOADED);
	sc_value_release(&value);
	newer.unknown = 1;
	assert_int_equal(sc_cache_fetch_with(script->cache, SC_KEY(1), &newer.known, &value, NULL),
		SC_E_INVAL);
	sct_assert_no_value(&value);
	/* Fields that an older header does not have are not read. */
	assert_int_equal(sc_cache_fetch_with(script->cache, SC_KEY(2), &older, &value, NULL),
		SC_E_INVAL);
	older.size = 0;
	assert_int_equal(sc_cache_fetch_with(script->cache, SC_KEY(2), &older, &value, NULL),
		SC_E_INVAL);
}

/* ---- Absent values ---- */

static void an_absence_is_reported_and_not_stored(void **state)
{
	struct sct_script *script = *state;
	struct sc_error error = { 0 };
	struct sc_value value = { .len = 5 };

	script->text = NULL;
	script->result = SC_E_ABSENT;
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(
			sct_fetch(script->cache, SC_KEY(1), sct_play, script, &value, &error),
			SC_E_ABSENT);
		sct_assert_no_value(&value);
		assert_int_equal(error.code, SC_E_ABSENT);
		assert_string_equal(error.message, "there is no value for this key");
		assert_int_equal(script->calls, i);
	}
	assert_int_equal(sct_stats(script->cache).load_absences, 2);
	assert_int_equal(sct_stats(script->cache).load_failures, 0);
	sct_assert_get(script->cache, SC_KEY(1), NULL);
}

/* ---- What the loader sees ---- */

static void look_at_the_key(struct sc_load *load, struct sct_script *script)
{
	struct sc_key key = *sc_load_key(load);

	(void)script;
	assert_int_equal(key.count, 8);
	assert_string_equal(sc_load_text(load, 0), "text");
	assert_ptr_equal(sc_load_text(load, 0), key.parts[0].data);
	assert_int_equal(key.parts[0].len, 4);
	assert_string_equal(sc_load_text(load, 1), "");
	assert_int_equal(key.parts[2].type, SC_PART_BYTES);
	assert_memory_equal(key.parts[2].data, "a\0b", 3);
	assert_int_equal(sc_load_number(load, 3), -7);
	assert_int_equal(sc_load_number(load, 4), 1);
	assert_true((uint64_t)sc_load_number(load, 5) == UINT64_MAX);
	assert_int_equal(key.parts[6].type, SC_PART_ABSENT);
	/* A NUL in a text does not end it. */
	assert_int_equal(key.parts[7].len, 3);
	assert_memory_equal(sc_load_text(load, 7), "x\0y", 4);

	/* Parts of another type, and parts that do not exist. */
	for (size_t i = 2; i < 7; i++)
		assert_null(sc_load_text(load, i));
	assert_null(sc_load_text(load, 8));
	assert_null(sc_load_text(load, SIZE_MAX));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(sc_load_number(load, i), 0);
	assert_int_equal(sc_load_number(load, 6), 0);
	assert_int_equal(sc_load_number(load, 7), 0);
	assert_int_equal(sc_load_number(load, 8), 0);
	assert_int_equal(sc_load_number(load, SIZE_MAX), 0);
	assert_true(sc_load_remaining_ms(load) == SC_NO_DEADLINE);
}

static void the_loader_sees_the_parts_of_the_key(void **state)
{
	struct sct_script *script = *state;

	script->also = look_at_the_key;
	sct_assert_fetches(script,
		SC_KEY("text", "", SC_BYTES("a\0b", 3), -7, (bool)true, UINT64_MAX, SC_ABSENT,
			SC_TEXT_N("x\0y", 3)),
		SC_LOADED, "loaded");
	assert_int_equal(script->calls, 1);
}

static char name[] = "name";

static void change_the_callers_key(struct sc_load *load, struct sct_script *script)
{
	(void)script;
	name[0] = 'X';
	assert_string_equal(sc_load_text(load, 0), "name");
}

static void the_key_is_copied(void **state)
{
	struct sct_script *script = *state;

	script->also = change_the_callers_key;
	sct_assert_fetches(script, SC_KEY(name), SC_LOADED, "loaded");
	sct_assert_get(script->cache, SC_KEY("name"), "loaded");
	sct_assert_get(script->cache, SC_KEY("Xame"), NULL);
}

/* ---- What the loader gives ---- */

static void give_in_pieces(struct sc_load *load, struct sct_script *script)
{
	void *data;

	(void)script;
	assert_int_equal(sc_load_set_value(load, "first", 5), 0);
	assert_int_equal(sc_load_reserve(load, 8, &data), 0);
	assert_int_equal((uintptr_t)data % 8, 0);
	memcpy(data, "reserved", 8);
	/* A new value may be a copy from the one before it. */
	assert_int_equal(sc_load_set_value(load, (char *)data + 2, 5), 0);
}

static void the_last_value_given_is_the_value(void **state)
{
	struct sct_script *script = *state;

	script->text = NULL;
	script->also = give_in_pieces;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "serve");
	sct_assert_get(script->cache, SC_KEY(1), "serve");
}

static void reserve(struct sc_load *load, struct sct_script *script)
{
	void *data;

	(void)script;
	assert_int_equal(sc_load_reserve(load, 6, &data), 0);
	memcpy(data, "filled", 6);
	/* There is not that much memory; the value given before stays. */
	assert_int_equal(sc_load_reserve(load, SIZE_MAX - 8, &data), SC_E_NOMEM);
	assert_null(data);
	assert_int_equal(sc_load_set_value(load, "", SIZE_MAX - 8), SC_E_NOMEM);
}

static void a_value_written_in_place(void **state)
{
	struct sct_script *script = *state;

	script->text = NULL;
	script->also = reserve;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "filled");
	sct_assert_fetches(script, SC_KEY(1), SC_HIT, "filled");
}

static void a_value_larger_than_the_cache_is_given(void **state)
{
	struct sct_script *script = *state;
	static char large[20001];

	memset(large, 'x', sizeof large - 1);
	sc_cache_close(script->cache);
	script->cache = sct_cache_open(SC_CACHE_OPTIONS(.max_bytes = 16 << 10));
	script->text = large;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, large);
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, large);
	assert_int_equal(sct_stats(script->cache).rejected, 2);
	assert_int_equal(sct_stats(script->cache).loads, 2);
	assert_int_equal(sct_stats(script->cache).puts, 0);
	assert_int_equal(sct_stats(script->cache).entries, 0);
}

static void a_loaded_value_outlives_the_cache(void **state)
{
	struct sct_script *script = *state;
	struct sc_value loaded, hit;

	assert_int_equal(sct_fetch(script->cache, SC_KEY(1), sct_play, script, &loaded, NULL),
		SC_LOADED);
	assert_int_equal(sct_fetch(script->cache, SC_KEY(1), sct_play, script, &hit, NULL), SC_HIT);
	sc_cache_clear(script->cache);
	sct_assert_value(&loaded, "loaded");
	sc_cache_close(script->cache);
	sct_assert_value(&loaded, "loaded");
	sct_assert_value(&hit, "loaded");
	sc_value_release(&loaded);
	sc_value_release(&hit);
	script->cache = sct_cache_open(NULL);
	script->calls = 0;
}

/* ---- Failures ---- */

static void a_failure_is_not_remembered(void **state)
{
	struct sct_script *script = *state;

	script->text = NULL;
	script->result = -42;
	sct_assert_fails(script, SC_KEY(1), SC_E_LOAD, -42, "the loader failed with -42");
	assert_int_equal(script->calls, 2);
	script->result = 0;
	script->text = "now";
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "now");
	assert_int_equal(sct_stats(script->cache).load_failures, 2);
	assert_int_equal(sct_stats(script->cache).misses, 3);
}

static void say_what_is_wrong(struct sc_load *load, struct sct_script *script)
{
	script->result = sc_load_fail(load, -9, "row %d of %s is broken", 3, "reports");
}

static void a_failure_says_what_is_wrong(void **state)
{
	struct sct_script *script = *state;

	script->also = say_what_is_wrong;
	/* A failed load has no value, whatever was given before. */
	sct_assert_fails(script, SC_KEY(1), SC_E_LOAD, -9, "row 3 of reports is broken");
	sct_assert_get(script->cache, SC_KEY(1), NULL);
}

static void complain_at_length(struct sc_load *load, struct sct_script *script)
{
	char text[400];

	/* 2-byte characters, so that the limit falls into one of them. */
	for (size_t i = 0; i + 2 < sizeof text; i += 2)
		memcpy(text + i, "\xC3\xA9", 2);
	text[398] = '\0';
	script->result = sc_load_fail(load, -1, "%s", text);
}

static void a_long_message_is_cut_at_a_character(void **state)
{
	struct sct_script *script = *state;
	struct sc_error error;
	struct sc_value value;

	script->also = complain_at_length;
	assert_int_equal(sct_fetch(script->cache, SC_KEY(1), sct_play, script, &value, &error),
		SC_E_LOAD);
	assert_int_equal(strlen(error.message), SC_ERROR_MESSAGE_BYTES - 2);
	assert_memory_equal(error.message + SC_ERROR_MESSAGE_BYTES - 4, "\xC3\xA9", 3);
}

static void complain(struct sc_load *load, struct sct_script *script)
{
	(void)script;
	sc_load_fail(load, -1, "the first source is not there");
}

/* The loader reported a failure of one source, and then gave a value of another. */
static void a_failure_followed_by_a_value_is_a_success(void **state)
{
	struct sct_script *script = *state;

	script->also = complain;
	sct_assert_fetches(script, SC_KEY(1), SC_LOADED, "loaded");
}

static void no_value_is_a_failure(void **state)
{
	struct sct_script *script = *state;

	script->text = NULL;
	sct_assert_fails(script, SC_KEY(1), SC_E_LOAD, 0, "the loader gave no value");
	sct_assert_get(script->cache, SC_KEY(1), NULL);
}

/* ---- Time to live ---- */

static int64_t wanted_ttl_ms;

static void set_ttl(struct sc_load *load, struct sct_script *script)
{
	(void)script;
	sc_load_set_ttl_ms(load, 1);
	sc_load_set_ttl_ms(load, wanted_ttl_ms);
}

static void the_loader_sets_the_time_to_live(void **state)
{
	struct sct_script *script = *state;
	_Atomic int64_t now_ms = 0;

	sc_cache_close(script->cache);
	script->cache =
		sct_cache_open(SC_CACHE_OPTIONS(.ttl_ms = 100, .clock = sct_clock_of(&now_ms)));
	sct_assert_fetches(script, SC_KEY("cache's"), SC_LOADED, "loaded");
	script->also = set_ttl;
	wanted_ttl_ms = 10;
	sct_assert_fetches(script, SC_KEY("short"), SC_LOADED, "loaded");
	wanted_ttl_ms = 1000;
	sct_assert_fetches(script, SC_KEY("long"), SC_LOADED, "loaded");
	wanted_ttl_ms = SC_NO_END;
	sct_assert_fetches(script, SC_KEY("for ever"), SC_LOADED, "loaded");
	wanted_ttl_ms = -5;
	sct_assert_fetches(script, SC_KEY("not at all"), SC_LOADED, "loaded");
	sct_assert_get(script->cache, SC_KEY("not at all"), NULL);

	now_ms = 9;
	sct_assert_get(script->cache, SC_KEY("short"), "loaded");
	now_ms = 10;
	sct_assert_get(script->cache, SC_KEY("short"), NULL);
	now_ms = 99;
	sct_assert_get(script->cache, SC_KEY("cache's"), "loaded");
	now_ms = 100;
	sct_assert_get(script->cache, SC_KEY("cache's"), NULL);
	now_ms = 999;
	sct_assert_get(script->cache, SC_KEY("long"), "loaded");
	now_ms = 1000;
	sct_assert_get(script->cache, SC_KEY("long"), NULL);
	now_ms = INT64_MAX - 1;
	sct_assert_get(script->cache, SC_KEY("for ever"), "loaded");
	assert_int_equal(sct_stats(script->cache).puts, 4);
	assert_int_equal(sct_stats(script->cache).rejected, 0);
}

#define scripted_case(test) cmocka_unit_test_setup_teardown(test, sct_script_open, sct_script_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scripted_case(loads_once_and_hits_from_then_on),
		scripted_case(a_key_that_was_put_is_not_loaded),
		scripted_case(empty_values_are_values),
		scripted_case(without_a_loader),
		scripted_case(the_caches_own_loader),
		scripted_case(fetch_options_of_other_versions),
		scripted_case(an_absence_is_reported_and_not_stored),
		scripted_case(the_loader_sees_the_parts_of_the_key),
		scripted_case(the_key_is_copied),
		scripted_case(the_last_value_given_is_the_value),
		scripted_case(a_value_written_in_place),
		scripted_case(a_value_larger_than_the_cache_is_given),
		scripted_case(a_loaded_value_outlives_the_cache),
		scripted_case(a_failure_is_not_remembered),
		scripted_case(a_failure_says_what_is_wrong),
		scripted_case(a_long_message_is_cut_at_a_character),
		scripted_case(a_failure_followed_by_a_value_is_a_success),
		scripted_case(no_value_is_a_failure),
		scripted_case(the_loader_sets_the_time_to_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
