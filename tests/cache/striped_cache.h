/* Helpers for tests of striped caches. */
#ifndef SCT_STRIPED_CACHE_H
#define SCT_STRIPED_CACHE_H

#include "cache/cache_fixture.h"

#include "cache/handle.h"

#define SCT_MIB (UINT64_C(1) << 20)

/* Only a large cache is striped, but a test with few calls would never fill one. So the cache is
 * opened large, with SCT_STRIPES stripes, and then resized to the wanted bounds. */
#define SCT_STRIPES 4

static inline struct sc_cache *sct_striped_cache_open(const struct sc_cache_options *wanted)
{
	struct sc_cache_options options = *wanted;
	struct sc_error error = { 0 };

	options.concurrency = SCT_STRIPES / 4 + 1;
	options.max_bytes = options.grow_bytes = SCT_STRIPES * SCT_MIB;
	if (options.max_entries)
		options.max_entries = options.grow_entries = SCT_STRIPES * 1024;
	if (!options.entry_bytes)
		options.entry_bytes = 4096;
	struct sc_cache *cache = sct_cache_open(&options);
	assert_int_equal(cache->stripe_count, SCT_STRIPES);
	if (sc_cache_resize(cache, wanted->max_entries, wanted->max_bytes, &error) != 0)
		fail_msg("%s", error.message);
	return cache;
}

/* The stripe of a key. */
static inline uint32_t sct_stripe_of(const struct sc_cache *cache, struct sc_key key)
{
	struct sci_lookup_key lookup;

	assert_true(sci_cache_key(cache, key, &lookup) >= 0);
	uint32_t stripe = sci_cache_stripe_number(cache, lookup.name.hash);
	sci_key_fini(&lookup);
	return stripe;
}

/* The least number from `from` on whose key is in this stripe. */
static inline uint64_t sct_key_in(const struct sc_cache *cache, uint32_t stripe, uint64_t from)
{
	while (sct_stripe_of(cache, SC_KEY(from)) != stripe)
		from++;
	return from;
}

#endif
