/* The memory of a cache: one mapped region, whose pages are populated on demand. */
#ifndef SCI_CACHE_REGION_H
#define SCI_CACHE_REGION_H

#include "cache/handle.h"

/* Map the region. Returns 0, or SC_E_NOMEM. */
int sci_region_map(struct sc_cache *cache, struct sc_error *error);

void sci_region_unmap(struct sc_cache *cache);

/* Return the pages beyond a shard's end to the system; they read as zero afterwards. */
void sci_region_give_back_locked(const struct sc_cache *cache, struct sci_stripe *stripe)
	SCI_REQUIRES(stripe->lock);

/* The slow part of sci_region_reach_locked(). */
void sci_region_populate_locked(struct sci_stripe *stripe, uint64_t reached)
	SCI_REQUIRES(stripe->lock);

/* Call it after a store: populate the pages that the next stores will write. */
static inline void sci_region_reach_locked(struct sci_stripe *stripe) SCI_REQUIRES(stripe->lock);

static inline void sci_region_reach_locked(struct sci_stripe *stripe)
{
	uint64_t reached = sci_shard_reached(stripe->shard);

	if (reached > stripe->populated)
		sci_region_populate_locked(stripe, reached);
}

#endif
