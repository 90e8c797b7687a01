/* The struct of a cache, and the first step of every call: the key's hash, stripe and shard. */
#ifndef SCI_CACHE_HANDLE_H
#define SCI_CACHE_HANDLE_H

#include "cache/key_bytes.h"
#include "cache/stripe.h"
#include "cache/thread_counts.h"

#include <scopecache/cache.h>

struct sc_cache {
	/* Constant after open, except `others` and `before`. */
	struct sc_cache_options options; /* checked, with defaults filled in */
	struct sc_clock clock;           /* what options.clock points to, unless it is NULL */
	struct sci_hash_secret secret;
	void *region;
	size_t region_bytes;
	size_t shard_bytes;    /* of each shard; the shards are adjacent */
	uint32_t stripe_count; /* a power of two */
	/* List of open caches: the next one, and the pointer to this one; guarded in fork.c. */
	struct sc_cache *others, **before;

	struct sci_thread_counts thread_counts; /* of lookups without the lock */
	atomic_bool has_deadlines;              /* whether an entry that expires was ever stored */
	_Atomic uint64_t references;            /* one per pin, and one while the cache is open */
	_Atomic uint32_t maintained;            /* number of calls of sc_cache_maintain() */

	/* Written with the locks of all stripes, read with any of them. */
	uint64_t max_entries, max_bytes; /* the current bounds */
	struct sci_thread_counts_sum
		forgotten_counts; /* the sum at the last reset of the statistics */

	struct sci_stripe stripes[];
};

/* The stripe of a key with this hash, by bits that the index does not use. Its shard may be read
 * without its lock (engine/peek.h). */
static inline uint32_t sci_cache_stripe_number(const struct sc_cache *cache, uint64_t hash)
{
	return (uint32_t)(hash >> 32) & (cache->stripe_count - 1);
}

static inline struct sci_stripe *sci_cache_stripe(struct sc_cache *cache, uint64_t hash)
{
	return &cache->stripes[sci_cache_stripe_number(cache, hash)];
}

static inline const struct sci_shard *sci_cache_shard(const struct sc_cache *cache, uint64_t hash)
{
	/* With one stripe the address does not depend on the hash, so the load need not wait. */
	size_t at = sci_is_likely(cache->stripe_count == 1)
		? 0
		: sci_cache_stripe_number(cache, hash) * cache->shard_bytes;

	return (const struct sci_shard *)(const void *)((const char *)cache->region + at);
}

/* Drop one reference; the last one frees the cache. */
void sci_cache_release(struct sc_cache *cache);

/* Encode and hash a key. Result and ownership are those of sci_key_encode(). */
static inline int sci_cache_key(const struct sc_cache *cache, struct sc_key key,
	struct sci_lookup_key *out)
{
	if (sci_key_is_short(key)) {
		sci_short_key(out, sci_short_name(key.parts, &cache->secret));
		return 0;
	}
	int rc = sci_key_encode(out, key);
	if (rc == 0)
		out->name.hash = sci_key_hash(key, &cache->secret);
	return rc;
}

#endif
