/* The time of a call: cache time, or the clock of the cache's user. */
#ifndef SCI_CACHE_CACHE_CLOCK_H
#define SCI_CACHE_CACHE_CLOCK_H

#include "cache/handle.h"

/* The time for storing an entry. May call the user's clock: call it without a lock. */
int64_t sci_cache_now_ms(const struct sc_cache *cache);

/* The time for a lookup, as of the kernel's last tick. May call the user's clock. */
int64_t sci_cache_coarse_ms(const struct sc_cache *cache);

/* The same, but reads no clock if no entry of the cache expires. */
static inline int64_t sci_cache_lookup_ms(const struct sc_cache *cache)
{
	/* A thread that stored an expiring entry before this lookup began has set it. */
	return atomic_load_explicit(&cache->has_deadlines, memory_order_relaxed)
		? sci_cache_coarse_ms(cache)
		: INT64_MIN;
}

#endif
