/* What the tests of divided caches share. */
#ifndef SCT_DIVIDED_H
#define SCT_DIVIDED_H

#include "cache/cache_fixture.h"

#include "cache/handle.h"

#define SCT_MIB (UINT64_C(1) << 20)

/* Which stripe a key is in. */
static inline uint32_t sct_stripe_of(const struct sc_cache *cache, struct sc_key key)
{
	struct sci_lookup_key lookup;

	assert_true(sci_cache_key(cache, key, &lookup) >= 0);
	uint32_t stripe = sci_cache_stripe_number(cache, lookup.name.hash);
	sci_key_bytes_fini(&lookup.bytes);
	return stripe;
}

/* The least number from `from` on that is, as a key, in this stripe. */
static inline uint64_t sct_key_in(const struct sc_cache *cache, uint32_t stripe, uint64_t from)
{
	while (sct_stripe_of(cache, SC_KEY(from)) != stripe)
		from++;
	return from;
}

#endif
