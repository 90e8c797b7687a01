/* The struct of a cache, and what every call begins with: the key's hash, its stripe and its
 * shard. */
#ifndef SCI_CACHE_HANDLE_H
#define SCI_CACHE_HANDLE_H

#include "cache/key_bytes.h"
#include "cache/stripe.h"
#include "cache/thread_counts.h"
#include "cache/unusual.h"
#include "cache/usual.h"

#include <scopecache/cache.h>

struct sc_cache {
	/* Not written after open, except `others`. */
	struct sc_cache_options options; /* checked, with defaults */
	struct sc_clock clock;           /* a copy of *options.clock, if any */
	struct sci_hash_secret secret;
	void *region;
	size_t region_bytes;
	size_t shard_bytes;    /* of each shard; they follow each other */
	uint32_t stripe_count; /* a power of two */
	bool keeps_notes;      /* with each entry; see freshness.h */
	uint32_t key_fini;     /* of each key that is looked up: SCI_KEY_SECRET, or 0 */
	size_t locked_bytes;   /* of the region, out of swap: all of it, or 0 */
	bool gets_lock;        /* even a copied value needs the lock */
	struct sci_tags *tags; /* NULL: entries have none */
	/* The list of open caches: the next one, and the pointer to this one; see fork.c. */
	struct sc_cache *others, **before;

	struct sci_thread_counts thread_counts; /* of lookups without the lock */
	atomic_bool has_deadlines; /* it keeps notes, or an expiring entry was ever stored */
	_Atomic uint64_t holds;    /* references: pinned values, and one while the cache is open */
	_Atomic uint32_t maintained; /* calls of sc_cache_maintain() */
	sci_usual usual_refresh_us, usual_load_us;
	bool is_closing; /* guarded by the lock of refreshes */

	/* Written with the locks of all stripes, read with any of them. */
	uint64_t max_entries, max_bytes;               /* the present bounds */
	struct sci_thread_counts_sum forgotten_counts; /* the sum when statistics were reset */

	struct sci_stripe stripes[];
};

/* The stripe of a key, by bits of its hash that the index does not use; and its shard, which may
 * be read without the lock (engine/peek.h). */
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
	/* Mostly there is one, and a lookup in it need not wait for the hash. */
	size_t at = sci_is_likely(cache->stripe_count == 1)
		? 0
		: sci_cache_stripe_number(cache, hash) * cache->shard_bytes;

	return (const struct sci_shard *)(const void *)((const char *)cache->region + at);
}

/* Drop a reference; the last one frees the cache. */
void sci_cache_release(struct sc_cache *cache);

/* The same where scopes are in use. Returns SC_E_SCOPE too. */
int sci_cache_scoped_key(const struct sc_cache *cache, struct sc_key key,
	struct sci_lookup_key *out);

/* Encode and hash a key, of the scope that this thread is in. Returns what sci_key_encode() does,
 * or SC_E_SCOPE; after 0 call sci_key_fini(). */
static inline int sci_cache_key(const struct sc_cache *cache, struct sc_key key,
	struct sci_lookup_key *out)
{
	if (sci_is_unusual(SCI_UNUSUAL_SCOPES) && !cache->options.shared)
		return sci_cache_scoped_key(cache, key, out);
	if (sci_key_is_short(key)) {
		sci_short_key(out, sci_short_name(key.parts, &cache->secret));
		out->fini = cache->key_fini;
		return 0;
	}
	int rc = sci_key_encode(out, key);
	if (rc == 0) {
		out->name.hash = sci_key_hash(key, &cache->secret);
		out->fini |= cache->key_fini;
	}
	return rc;
}

#endif
