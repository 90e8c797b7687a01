/* SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a
 * counter and a mixing function, so that every seed is a good one. A range is small against 2^64,
 * so the remainder's bias does not matter. */
#include "local/lifetime.h"

static uint64_t next(struct sci_draws *draws)
{
	uint64_t mixed = draws->state += UINT64_C(0x9E3779B97F4A7C15);

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
	return mixed ^ (mixed >> 31);
}

int64_t sci_draw_ms(struct sci_draws *draws, const struct sci_range_ms *range)
{
	uint64_t width = (uint64_t)(range->most - range->least) + 1;

	return range->least + (int64_t)(next(draws) % width);
}

struct sci_lifetime sci_draw_lifetime(struct sci_draws *draws,
	const struct sci_lifetimes *lifetimes)
{
	struct sci_lifetime lifetime = { .idle_ms = sci_draw_ms(draws, &lifetimes->idle) };

	lifetime.age_ms = sci_draw_ms(draws, &lifetimes->age);
	return lifetime;
}
