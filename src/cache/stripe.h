/* One shard of a cache, and the lock that guards it.
 *
 * A function whose name ends in _locked is called with the lock of the stripe held that it works on, which clang
 * checks and an assertion does. */
#ifndef SCI_CACHE_STRIPE_H
#define SCI_CACHE_STRIPE_H

#include "base/lock.h"
#include "cache/blob.h"
#include "engine/shard.h"

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

#endif
