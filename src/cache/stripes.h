/* All stripes of a cache: how many there are, their making, and what concerns all of them. */
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

/* Remove everything, stripe by stripe, and return the objects. */
struct sci_object_link *sci_cache_clear(struct sc_cache *cache);

/* The same with those of all stripes: for what concerns the whole cache. */
void sci_cache_lock_all(struct sc_cache *cache);
void sci_cache_unlock_all(struct sc_cache *cache);

#endif
