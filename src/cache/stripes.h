/* The stripes of a cache: how many there are, and the making of them. What is done with them is in handle.h. */
#ifndef SCI_CACHE_STRIPES_H
#define SCI_CACHE_STRIPES_H

#include "cache/handle.h"

/* No cache has more. */
#define SCI_STRIPES_MAX 32u

/* How many stripes a cache with these options has: a power of two. */
uint32_t sci_stripes_for(const struct sc_cache_options *options);

/* How many bytes each of so many shards may take, so that all together take no more than `bytes`. */
uint64_t sci_stripe_bytes(uint64_t bytes, uint32_t stripes);

/* The least that all together can be bounded to. */
uint64_t sci_stripes_bytes_least(const struct sc_cache *cache);

/* Make the shards, in a region that is all zero, and the locks. Shards are made for what the cache may grow
 * to, and have to be bounded. */
void sci_stripes_init(struct sc_cache *cache);

/* Unmake the locks. */
void sci_stripes_fini(struct sc_cache *cache);

#endif
