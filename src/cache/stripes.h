/* All stripes of a cache: number, initialisation, and operations on all of them. */
#ifndef SCI_CACHE_STRIPES_H
#define SCI_CACHE_STRIPES_H

#include "cache/handle.h"

/* The largest number of stripes of a cache. */
#define SCI_STRIPES_MAX 32u

/* The number of stripes of a cache with these options: a power of two. */
uint32_t sci_stripes_for(const struct sc_cache_options *options);

/* The bytes of each of `stripes` shards, so that their sum is at most `bytes`. */
uint64_t sci_stripe_bytes(uint64_t bytes, uint32_t stripes);

/* The least value of `max_bytes` for this cache. */
uint64_t sci_stripes_bytes_least(const struct sc_cache *cache);

/* Initialise the shards, in a region that is all zero, and the locks. The shards have the size to
 * which the cache may grow, so the caller must set their bounds. */
void sci_stripes_init(struct sc_cache *cache);

/* Destroy the locks. */
void sci_stripes_fini(struct sc_cache *cache);

/* Remove all entries, one stripe after another, and return the objects to free. */
struct sci_object_link *sci_cache_clear(struct sc_cache *cache);

/* Take or release the locks of all stripes. Unlocking also frees the removed objects, so it may
 * run user code. */
void sci_cache_lock_all(struct sc_cache *cache);
void sci_cache_unlock_all(struct sc_cache *cache);

#endif
