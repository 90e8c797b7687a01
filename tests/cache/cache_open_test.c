/* Opening a cache: accepted options, messages for refused ones, and structs of other versions. */
#include "cache/cache_fixture.h"

#include <stdio.h>

static void assert_no_cache(const struct sc_cache_options *options, const char *message)
{
	struct sc_cache *cache = (struct sc_cache *)(uintptr_t)8;
	struct sc_error error = { 0 };

	assert_int_equal(sc_cache_open(&cache, options, &error), SC_E_INVAL);
	assert_null(cache);
	assert_int_equal(error.code, SC_E_INVAL);
	assert_int_equal(error.os_errno, 0);
	assert_string_equal(error.message, message);

	cache = (struct sc_cache *)(uintptr_t)8;
	assert_int_equal(sc_cache_open(&cache, options, NULL), SC_E_INVAL);
	assert_null(cache);
}

/* Assert that a cache opens, works, and leaves `error` unchanged. */
static void assert_opens(const struct sc_cache_options *options)
{
	struct sc_error error = { .code = 77 };
	struct sc_cache *cache;

	int rc = sc_cache_open(&cache, options, &error);
	if (rc != 0)
		fail_msg("%s", error.message);
	assert_int_equal(error.code, 77);
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	sct_assert_get(cache, SC_KEY(1), "one");
	sc_cache_close(cache);
}

static void defaults(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	struct sc_cache_stats stats = sct_stats(cache);

	(void)state;
	assert_int_equal(stats.max_entries, 0);
	assert_int_equal(stats.max_bytes, 64 << 20);
	assert_int_equal(stats.entries, 0);
	assert_int_equal(stats.bytes, 0);
	sc_cache_close(cache);
	sc_cache_close(NULL);
	assert_opens(SC_CACHE_OPTIONS(.max_entries = 0));
}

static void opening_without_an_output_pointer_is_refused(void **state)
{
	struct sc_error error = { 0 };

	(void)state;
	assert_int_equal(sc_cache_open(NULL, NULL, &error), SC_E_INVAL);
	assert_int_equal(error.code, SC_E_INVAL);
	assert_int_not_equal(strlen(error.message), 0);
}

static void each_option_has_a_least_and_a_most(void **state)
{
	(void)state;
	assert_opens(SC_CACHE_OPTIONS(.max_bytes = 16 << 10));
	assert_no_cache(SC_CACHE_OPTIONS(.max_bytes = (16 << 10) - 1),
		"max_bytes is 16383, but must be between 16384 and 17179869184");
	assert_no_cache(SC_CACHE_OPTIONS(.max_bytes = 1),
		"max_bytes is 1, but must be between 16384 and 17179869184");
	assert_no_cache(SC_CACHE_OPTIONS(.max_bytes = (UINT64_C(1) << 34) + 1),
		"max_bytes is 17179869185, but must be between 16384 and 17179869184");
	assert_no_cache(SC_CACHE_OPTIONS(.max_bytes = UINT64_MAX),
		"max_bytes is 18446744073709551615, but must be between 16384 and 17179869184");

	assert_opens(SC_CACHE_OPTIONS(.max_entries = 1));
	assert_opens(SC_CACHE_OPTIONS(.max_entries = UINT32_MAX));
	assert_no_cache(SC_CACHE_OPTIONS(.max_entries = UINT64_C(1) << 32),
		"max_entries is 4294967296, but must be between 0 and 4294967295");

	assert_opens(SC_CACHE_OPTIONS(.ttl_ms = 60000));
	assert_opens(SC_CACHE_OPTIONS(.ttl_ms = SC_NO_END, .tti_ms = SC_NO_END));
	assert_no_cache(SC_CACHE_OPTIONS(.ttl_ms = -1),
		"ttl_ms is -1, but must not be negative; 0 is no end");
	assert_no_cache(SC_CACHE_OPTIONS(.tti_ms = INT64_MIN),
		"tti_ms is -9223372036854775808, but must not be negative; 0 is no end");

	assert_opens(SC_CACHE_OPTIONS(.entry_bytes = 1));
	assert_opens(SC_CACHE_OPTIONS(.entry_bytes = 1 << 30, .max_bytes = 16 << 10));
	assert_no_cache(SC_CACHE_OPTIONS(.entry_bytes = (1 << 30) + 1),
		"entry_bytes is 1073741825, but must be between 1 and 1073741824");

	assert_opens(SC_CACHE_OPTIONS(.policy = SC_POLICY_LRU));
	assert_no_cache(SC_CACHE_OPTIONS(.policy = SC_POLICY_LRU + 1),
		"policy is 2, but must be between 0 and 1");

	assert_opens(SC_CACHE_OPTIONS(.secret = 1));
	assert_no_cache(SC_CACHE_OPTIONS(.secret = 2), "secret is 2, but must be between 0 and 1");

	assert_no_cache(SC_CACHE_OPTIONS(.clock = &(const struct sc_clock){ .now_ms = NULL }),
		"the clock has no function");
}

static void the_largest_region(void **state)
{
	struct sc_cache *cache;
	struct sc_error error = { 0 };

	(void)state;
	/* A machine may refuse to map that much memory; then opening must report it. */
	int rc = sc_cache_open(&cache, SC_CACHE_OPTIONS(.max_bytes = UINT64_C(1) << 34), &error);
	if (rc < 0) {
		assert_int_equal(rc, SC_E_NOMEM);
		assert_null(cache);
		assert_non_null(strstr(error.message, "17179869184"));
		return;
	}
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	sct_assert_get(cache, SC_KEY(1), "one");
	sc_cache_close(cache);
}

/* A longer struct, as of a newer header. */
struct newer_options {
	struct sc_cache_options known;
	uint64_t unknown[2];
};

static void options_of_other_versions(void **state)
{
	struct newer_options newer = { .known = { .max_entries = 2 } };
	struct sc_cache_options older = { .max_entries = 2, .max_bytes = 3, .ttl_ms = -1 };
	struct sc_cache *cache;

	(void)state;
	newer.known.size = sizeof newer;
	cache = sct_cache_open(&newer.known);
	assert_int_equal(sct_stats(cache).max_entries, 2);
	sc_cache_close(cache);
	newer.unknown[1] = UINT64_C(1) << 63;
	assert_no_cache(&newer.known,
		"an option is set that this version of the library does not know");

	/* Fields that an older header does not have are not read. */
	older.size = offsetof(struct sc_cache_options, max_bytes);
	cache = sct_cache_open(&older);
	assert_int_equal(sct_stats(cache).max_entries, 2);
	assert_int_equal(sct_stats(cache).max_bytes, 64 << 20);
	sc_cache_close(cache);
	older.size = sizeof older.size;
	cache = sct_cache_open(&older);
	assert_int_equal(sct_stats(cache).max_entries, 0);
	sc_cache_close(cache);
}

static void options_without_a_size_are_refused(void **state)
{
	struct sc_cache_options options = { 0 };
	struct sc_error error = { 0 };
	struct sc_cache *cache;
	const size_t sizes[] = { 0, 1, sizeof options.size - 1, 4097, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		options.size = sizes[i];
		assert_int_equal(sc_cache_open(&cache, &options, &error), SC_E_INVAL);
		assert_null(cache);
		assert_non_null(strstr(error.message, "size"));
		assert_non_null(strstr(error.message, "SC_CACHE_OPTIONS()"));
	}
}

static void options_and_clock_are_copied(void **state)
{
	_Atomic int64_t now_ms = 1000, other_ms = 999999;
	struct sc_clock clock = { .now_ms = sct_clock_read, .context = &now_ms };
	struct sc_cache_options options = { .size = sizeof options,
		.max_entries = 2,
		.ttl_ms = 10,
		.clock = &clock };
	struct sc_cache *cache = sct_cache_open(&options);

	(void)state;
	memset(&options, 0, sizeof options);
	clock.context = &other_ms;
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	clock.now_ms = NULL;
	sct_assert_get(cache, SC_KEY(1), "one");
	now_ms = 1010;
	sct_assert_get(cache, SC_KEY(1), NULL);
	sc_cache_close(cache);
}

/* ---- Figures of other versions ---- */

struct newer_stats {
	struct sc_cache_stats known;
	uint64_t unknown;
};

static void stats_of_other_versions(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	struct newer_stats newer = { .unknown = 77 };
	struct sc_cache_stats older;
	const size_t bad[] = { 0, 1, sizeof older.size - 1, 1 << 20, SIZE_MAX };

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(1), "one"), SC_OK);
	sct_assert_get(cache, SC_KEY(1), "one");
	newer.known.size = sizeof newer;
	assert_int_equal(sc_cache_read_stats(cache, &newer.known), 0);
	assert_int_equal(newer.known.size, sizeof newer);
	assert_int_equal(newer.known.puts, 1);
	assert_int_equal(newer.unknown, 0);

	memset(&older, 0x55, sizeof older);
	older.size = offsetof(struct sc_cache_stats, misses);
	assert_int_equal(sc_cache_read_stats(cache, &older), 0);
	assert_int_equal(older.size, offsetof(struct sc_cache_stats, misses));
	assert_int_equal(older.hits, 1);
	assert_int_equal(older.misses, UINT64_C(0x5555555555555555));

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		memset(&older, 0x55, sizeof older);
		older.size = bad[i];
		assert_int_equal(sc_cache_read_stats(cache, &older), SC_E_INVAL);
		assert_int_equal(older.hits, UINT64_C(0x5555555555555555));
	}
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(opening_without_an_output_pointer_is_refused),
		cmocka_unit_test(each_option_has_a_least_and_a_most),
		cmocka_unit_test(the_largest_region),
		cmocka_unit_test(options_of_other_versions),
		cmocka_unit_test(options_without_a_size_are_refused),
		cmocka_unit_test(options_and_clock_are_copied),
		cmocka_unit_test(stats_of_other_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
