/* Helpers for the out-of-memory tests of the cache. */
#ifndef SCT_OUT_OF_MEMORY_H
#define SCT_OUT_OF_MEMORY_H

#include "cache/cache_fixture.h"
#include "support/allocation.h"

/* Longer than the inline buffer of a key. */
#define SCT_LONG_TEXT_LEN 1000
extern const char sct_long_text[SCT_LONG_TEXT_LEN];

#define SCT_LONG_KEY SC_KEY(SC_TEXT_N(sct_long_text, sizeof sct_long_text))

/* The call returned `done`, or SC_E_NOMEM after an allocation failed. */
static inline void sct_assert_done_or_out_of_memory(int rc, int done, const struct sc_error *error)
{
	if (rc == done)
		return;
	assert_int_equal(rc, SC_E_NOMEM);
	assert_true(sct_allocation_failed());
	if (error) {
		assert_int_equal(error->code, SC_E_NOMEM);
		assert_int_not_equal(strlen(error->message), 0);
	}
}

/* Open a cache; NULL when out of memory. `options` NULL: a small one. */
static inline struct sc_cache *sct_try_to_open(const struct sc_cache_options *options)
{
	struct sc_cache *cache = (struct sc_cache *)(uintptr_t)8;
	struct sc_error error = { 0 };

	int rc = sc_cache_open(&cache, options ? options : SC_CACHE_OPTIONS(.max_bytes = 64 << 10),
		&error);
	sct_assert_done_or_out_of_memory(rc, 0, &error);
	if (rc < 0)
		assert_null(cache);
	return cache;
}

#endif
