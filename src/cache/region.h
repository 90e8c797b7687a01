/* The memory of a cache: one region, whose pages the system provides as they are used. */
#ifndef SCI_CACHE_REGION_H
#define SCI_CACHE_REGION_H

#include "cache/handle.h"

/* Map the region, that of a secret cache out of core dumps and, if possible, out of swap. Returns
 * 0, or SC_E_NOMEM. */
int sci_region_map(struct sc_cache *cache, struct sc_error *error);

/* In a child of fork(): make it all zero. */
void sci_region_renew(struct sc_cache *cache);

void sci_region_unmap(struct sc_cache *cache);

/* Give the memory behind a shard's end back to the system, which is too old for it if that memory
 * is locked and Linux before 5.18. */
void sci_region_give_back_locked(const struct sc_cache *cache, struct sci_stripe *stripe)
	SCI_REQUIRES(stripe->lock);

/* The slow part of sci_region_reach_locked(). */
void sci_region_populate_locked(struct sci_stripe *stripe, uint64_t reached)
	SCI_REQUIRES(stripe->lock);

/* After a put: have pages ready for the next ones. */
static inline void sci_region_reach_locked(struct sci_stripe *stripe) SCI_REQUIRES(stripe->lock);

static inline void sci_region_reach_locked(struct sci_stripe *stripe)
{
	uint64_t reached = sci_shard_reached(stripe->shard);

	if (reached > stripe->populated)
		sci_region_populate_locked(stripe, reached);
}

#endif
