/* The current time of a cache: from the clock in its options, or cache time. */
#ifndef SCI_CACHE_CACHE_CLOCK_H
#define SCI_CACHE_CACHE_CLOCK_H

#include "cache/handle.h"

/* The time at which an entry is stored, in ms. May call the user's clock: hold no lock. */
int64_t sci_cache_now_ms(const struct sc_cache *cache);

/* The time of a lookup, as of the kernel's last tick. May call the user's clock: hold no lock. */
int64_t sci_cache_coarse_ms(const struct sc_cache *cache);

/* The same, but reads no clock for a cache that never stored an entry that expires. */
static inline int64_t sci_cache_lookup_ms(const struct sc_cache *cache)
{
	/* Relaxed is enough: a put that completed before this lookup began has set the flag. */
	return atomic_load_explicit(&cache->has_deadlines, memory_order_relaxed)
		? sci_cache_coarse_ms(cache)
		: INT64_MIN;
}

#endif
