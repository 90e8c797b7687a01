/* Checks the invariants of all shards of a cache. */
#ifndef SCT_CACHE_CHECK_H
#define SCT_CACHE_CHECK_H

#include "engine/shard_check.h"
#include "support/cmocka.h"

#include "cache/handle.h"

static inline bool sct_cache_is_valid(const struct sc_cache *cache)
{
	for (uint32_t i = 0; i < cache->stripe_count; i++)
		if (sci_shard_check(cache->stripes[i].shard))
			return false;
	return true;
}

#define sct_assert_cache_valid(cache) assert_true(sct_cache_is_valid(cache))

#endif
