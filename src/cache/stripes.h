/* All stripes of a cache: their number, making, and calls for all of them. */
#ifndef SCI_CACHE_STRIPES_H
#define SCI_CACHE_STRIPES_H

#include "cache/handle.h"

/* The number of stripes for these options: a power of two. */
uint32_t sci_stripes_for(const struct sc_cache_options *options);

/* The bytes of each of so many shards, so that all together take at most `bytes`. */
uint64_t sci_stripe_bytes(uint64_t bytes, uint32_t stripes);

/* The least bound of all together. */
uint64_t sci_stripes_bytes_least(const struct sc_cache *cache);

/* Make the shards, in a region that is all zero, and the locks. Shards are made for the sizes that
 * the cache may grow to, and must be bounded then. */
void sci_stripes_init(struct sc_cache *cache);

/* Make the shards anew, in a region that is all zero. */
void sci_stripes_format(struct sc_cache *cache);

/* Destroy the locks. */
void sci_stripes_fini(struct sc_cache *cache);

/* Remove all entries, stripe by stripe, and return the objects. */
struct sci_object_link *sci_cache_clear(struct sc_cache *cache);

/* Take and release the locks of all stripes. */
void sci_cache_lock_all(struct sc_cache *cache);
void sci_cache_unlock_all(struct sc_cache *cache);

#endif
