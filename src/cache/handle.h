/* The inside of a cache, for the files of this room that work on it.
 *
 * A function whose name ends in _locked is called with the lock held of the stripe that it works on, which
 * clang checks and an assertion does.
 */
#ifndef SCI_CACHE_HANDLE_H
#define SCI_CACHE_HANDLE_H

#include "base/lock.h"
#include "cache/blob.h"
#include "cache/key_bytes.h"
#include "cache/thread_counts.h"
#include "engine/shard.h"

#include <scopecache/cache.h>

/* What the cache itself counts; the rest of the figures is the shard's. */
struct sci_counts {
	uint64_t hits, misses, expired, loads, load_failures, load_absences, load_waits, puts,
		invalidations, rejected;
};

/* A stripe: one shard of a cache, and the lock that guards it. A key's hash says which it is in. */
struct sci_stripe {
	struct sci_lock lock; /* guards all below, and the changing of the shard */
	struct sci_shard *shard;
	uint64_t populated; /* bytes whose pages were asked for; UINT64_MAX: ask no more */
	bool has_objects;   /* one was ever stored */
	struct sci_counts counts;
	unsigned char apart[64]; /* so that no two stripes share a line of memory */
};

struct sc_cache {
	/* Never written after open, but for `others`. */
	struct sc_cache_options options; /* checked, with defaults filled in */
	struct sc_clock clock;           /* what options.clock points to, unless it is NULL */
	struct sci_hash_secret secret;
	void *region;
	size_t region_bytes;
	size_t shard_bytes;    /* each of as many shards, which lie one behind the other */
	uint32_t stripe_count; /* a power of two */
	/* The other open caches: the next one, and what points to this one; see fork.c. */
	struct sc_cache *others, **before;

	struct sci_thread_counts thread_counts; /* of lookups without the lock */
	atomic_bool has_deadlines;              /* an entry that expires was ever stored */
	_Atomic uint64_t holds;                 /* pinned values, and one while the cache is open */
	_Atomic uint32_t maintained;            /* how often */

	/* Written with the locks of all stripes, read with any of them. */
	uint64_t max_entries, max_bytes;               /* as they are now */
	struct sci_thread_counts_sum forgotten_counts; /* what it was when the figures began anew */

	struct sci_stripe stripes[];
};

/* The stripe of a key with this hash, by bits that the index has no use for; and its shard, which may be read
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
	/* Mostly there is one, and then what is looked up in it need not wait for the hash. */
	size_t at = sci_is_likely(cache->stripe_count == 1)
		? 0
		: sci_cache_stripe_number(cache, hash) * cache->shard_bytes;

	return (const struct sci_shard *)(const void *)((const char *)cache->region + at);
}

/* Take a stripe's lock. */
static inline void sci_stripe_lock(struct sci_stripe *stripe) SCI_TAKES(stripe->lock);

static inline void sci_stripe_lock(struct sci_stripe *stripe)
{
	sci_lock_take(&stripe->lock);
}

/* Release it, and return the objects whose entries went under it, for sci_blob_release_list(). */
static inline struct sci_object_link *sci_stripe_leave(struct sci_stripe *stripe)
	SCI_LETS_GO(stripe->lock);

static inline struct sci_object_link *sci_stripe_leave(struct sci_stripe *stripe)
{
	struct sci_object_link *to_free = sci_shard_take_removed(stripe->shard);

	sci_lock_let_go(&stripe->lock);
	return to_free;
}

/* Release it, and then those objects: their free functions are the user's, and may not return. So this is the
 * last thing that a call does. */
static inline void sci_stripe_unlock(struct sci_stripe *stripe) SCI_LETS_GO(stripe->lock);

static inline void sci_stripe_unlock(struct sci_stripe *stripe)
{
	struct sci_object_link *to_free = sci_stripe_leave(stripe);

	if (to_free)
		sci_blob_release_list(to_free);
}

/* Remove everything, stripe by stripe, and return the objects. */
struct sci_object_link *sci_cache_clear(struct sc_cache *cache);

/* The same with those of all stripes: for what concerns the whole cache. */
void sci_cache_lock_all(struct sc_cache *cache);
void sci_cache_unlock_all(struct sc_cache *cache);

/* One hold less; the last frees the cache. */
void sci_cache_release(struct sc_cache *cache);

/* Set the bounds, with all stripes locked. Returns 0, or SC_E_INVAL with nothing changed. */
int sci_cache_bound_locked(struct sc_cache *cache, uint64_t max_entries, uint64_t max_bytes,
	int64_t now_ms, struct sc_error *error);

/* Encode and hash a key; its result is that of sci_key_encode(), and so is what is to be freed. */
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

/* The time for storing an entry. May call the user's clock: not with a lock held. */
int64_t sci_cache_now_ms(const struct sc_cache *cache);

/* The time for a lookup, as of the kernel's last tick. The same holds for a clock of the user's. */
int64_t sci_cache_coarse_ms(const struct sc_cache *cache);

/* The same, but no clock is read for a cache in which nothing expires. */
static inline int64_t sci_cache_lookup_ms(const struct sc_cache *cache)
{
	/* Who stored an entry that expires before this lookup began has set it. */
	return atomic_load_explicit(&cache->has_deadlines, memory_order_relaxed)
		? sci_cache_coarse_ms(cache)
		: INT64_MIN;
}

/* Look up and count it. Returns true with what was found. */
bool sci_stripe_find_locked(struct sci_stripe *stripe, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found) SCI_REQUIRES(stripe->lock);

/* Pin what was found in a stripe of the cache, as a value for the caller. Returns SC_HIT; SC_E_NOMEM when it
 * is pinned as often as it can be, and there is no memory for a copy. */
int sci_cache_pin_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, struct sc_value *value) SCI_REQUIRES(stripe->lock);

/* How long an entry lives, and what it is worth. A negative time: do not keep it. 0 and
 * SC_NO_END: no end. */
struct sci_terms {
	int64_t ttl_ms, tti_ms;
	uint64_t cost;
};

/* `own`, with the cache's time in place of each that is 0. */
struct sci_terms sci_cache_terms(const struct sc_cache *cache, struct sci_terms own);

/* What is stored: a value, or an object, which the cache takes over the hold on when it is stored. */
struct sci_deposit {
	const void *data;
	size_t len;
	struct sci_blob *object; /* NULL: it is a value */
	struct sci_terms terms;
};

/* Store and count it; or, if its terms are not to keep it, remove what was there. Returns SC_OK,
 * SC_E_TOO_LARGE or SC_E_NOMEM. */
int sci_cache_store_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_deposit *deposit, int64_t now_ms)
	SCI_REQUIRES(stripe->lock);

/* A value that lies on the heap; takes over the hold on `blob`. */
struct sc_value sci_value_of_blob(struct sci_blob *blob);

/* Whether a value is one of those, and not pinned in the region. */
static inline bool sci_value_is_blob(const struct sc_value *value)
{
	return value->holder && value->hold == 0;
}

/* Remove everything and begin the figures anew. */
void sci_cache_reset(struct sc_cache *cache);

/* Check options and fill in the defaults. Returns 0, or SC_E_INVAL with `error` saying what is wrong. */
int sci_cache_options_read(struct sc_cache_options *out, const struct sc_cache_options *options,
	struct sc_error *error);

#endif
