/* The time source of a cache: the clock in its options if there is one, otherwise cache time
 * (cache_time.c). A user's clock is user code: no lock may be held here. */
#include "cache/cache_clock.h"

#include "cache/cache_time.h"

int64_t sci_cache_now_ms(const struct sc_cache *cache)
{
	const struct sc_clock *clock = cache->options.clock;

	return clock ? clock->now_ms(clock->context) : sci_cache_time_ms();
}

int64_t sci_cache_coarse_ms(const struct sc_cache *cache)
{
	const struct sc_clock *clock = cache->options.clock;

	return clock ? clock->now_ms(clock->context) : sci_cache_time_coarse_ms();
}
