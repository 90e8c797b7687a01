/* The proof that a cache is sound: that all its shards are. */
#ifndef SCT_CACHE_CHECK_H
#define SCT_CACHE_CHECK_H

#include "engine/shard_check.h"
#include "support/cmocka.h"

#include "cache/handle.h"

static inline bool sct_is_sound(const struct sc_cache *cache)
{
	for (uint32_t i = 0; i < cache->stripe_count; i++)
		if (sci_shard_check(cache->stripes[i].shard))
			return false;
	return true;
}

#define sct_assert_sound(cache) assert_true(sct_is_sound(cache))

#endif
