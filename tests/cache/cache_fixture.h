/* Helpers for the tests of the cache: a clock that the test sets, and short assertions. Texts are
 * stored without their NUL. */
#ifndef SCT_CACHE_FIXTURE_H
#define SCT_CACHE_FIXTURE_H

#include "support/cmocka.h"

#include <scopecache/cache.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* A clock to be given as `.clock = sct_clock_of(&now_ms)`. */
static inline int64_t sct_clock_read(void *now_ms)
{
	return atomic_load((_Atomic int64_t *)now_ms);
}

#define sct_clock_of(time_ms)                                                                      \
	(&(const struct sc_clock){ .now_ms = sct_clock_read, .context = (time_ms) })

/* Open a cache, or fail the test. `options` NULL: all defaults. */
static inline struct sc_cache *sct_cache_open(const struct sc_cache_options *options)
{
	struct sc_error error = { 0 };
	struct sc_cache *cache;

	if (sc_cache_open(&cache, options, &error) != 0)
		fail_msg("%s", error.message);
	assert_non_null(cache);
	return cache;
}

static inline struct sc_cache_stats sct_stats(struct sc_cache *cache)
{
	struct sc_cache_stats stats = { .size = sizeof stats };

	assert_int_equal(sc_cache_read_stats(cache, &stats), 0);
	return stats;
}

static inline int sct_put(struct sc_cache *cache, struct sc_key key, const char *text)
{
	return sc_cache_put(cache, key, text, strlen(text));
}

/* Assert that the key has this text; NULL: that it is a miss. */
static inline void sct_assert_get(struct sc_cache *cache, struct sc_key key, const char *text)
{
	char buffer[256];
	size_t len = 99;

	int rc = sc_cache_get(cache, key, buffer, sizeof buffer, &len);
	if (!text) {
		assert_int_equal(rc, SC_MISS);
		assert_int_equal(len, 0);
		return;
	}
	assert_int_equal(rc, SC_HIT);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(buffer, text, len);
}

static inline void sct_assert_value(const struct sc_value *value, const char *text)
{
	assert_non_null(value->data);
	assert_int_equal((uintptr_t)value->data % 8, 0);
	assert_int_equal(value->len, strlen(text));
	assert_memory_equal(value->data, text, value->len);
}

static inline void sct_assert_no_value(const struct sc_value *value)
{
	const struct sc_value none = { 0 };

	assert_memory_equal(value, &none, sizeof none);
}

/* Fill with bytes that depend on the seed and on the offset. */
static inline void sct_fill(void *data, size_t len, uint64_t seed)
{
	unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
		byte[i] = (unsigned char)(seed * 31 + i * 7 + (i >> 8));
}

static inline bool sct_is_filled(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
		if (byte[i] != (unsigned char)(seed * 31 + i * 7 + (i >> 8)))
			return false;
	return true;
}

/* Assert that these bounds are refused with this message, and that nothing changed. */
static inline void sct_assert_no_resize(struct sc_cache *cache, uint64_t max_entries,
	uint64_t max_bytes, const char *message)
{
	struct sc_cache_stats before = sct_stats(cache), after;
	struct sc_error error = { 0 };

	assert_int_equal(sc_cache_resize(cache, max_entries, max_bytes, &error), SC_E_INVAL);
	assert_int_equal(error.code, SC_E_INVAL);
	assert_string_equal(error.message, message);
	assert_int_equal(sc_cache_resize(cache, max_entries, max_bytes, NULL), SC_E_INVAL);
	after = sct_stats(cache);
	assert_memory_equal(&after, &before, sizeof before);
}

/* Assert that max_bytes cannot be less than `least`, which its index needs. */
static inline void sct_assert_least_bytes(struct sc_cache *cache, uint64_t max_entries,
	uint64_t least)
{
	char message[200];

	snprintf(message, sizeof message,
		"max_bytes is %llu, but an index for what this cache was opened for needs at least "
		"%llu",
		(unsigned long long)least - 1, (unsigned long long)least);
	sct_assert_no_resize(cache, max_entries, least - 1, message);
}

#endif
