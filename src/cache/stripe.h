/* One shard of a cache, and the lock that guards it.
 *
 * A function whose name ends in _locked is called with the lock of its stripe, which clang checks
 * and an assertion does. */
#ifndef SCI_CACHE_STRIPE_H
#define SCI_CACHE_STRIPE_H

#include "base/lock.h"
#include "cache/blob.h"
#include "engine/shard.h"

/* What the cache counts; the shard counts the rest. */
struct sci_counts {
	uint64_t hits, misses, expired, loads, load_failures, load_absences, load_waits, puts,
		invalidations, rejected, stale, known_absences, known_failures, refreshes,
		unchanged, load_timeouts, refused;
};

struct sci_tags;

/* A stripe (lock striping): a shard and its lock. A key's hash says which stripe it is in. */
struct sci_stripe {
	struct sci_lock lock; /* guards all below, and writes to the shard */
	struct sci_shard *shard;
	const struct sci_tags *tags; /* of the cache; NULL: none */
	uint64_t populated; /* bytes whose pages were requested; UINT64_MAX: none any more */
	bool has_objects;   /* one was ever stored */
	struct sci_counts counts;
	uint64_t generation; /* of the value that was stored last */
	/* The drops of scopes after which it was swept, and the present sweep. */
	uint64_t swept, sweeping;
	uint32_t sweep_at, sweeps;
	unsigned char apart[64]; /* no two stripes share a cache line */
};

/* Take a stripe's lock. */
static inline void sci_stripe_lock(struct sci_stripe *stripe) SCI_ACQUIRES(stripe->lock);

static inline void sci_stripe_lock(struct sci_stripe *stripe)
{
	sci_lock_acquire(&stripe->lock);
}

/* Release it. Returns the objects of removed entries, for sci_blob_release_list(). */
static inline struct sci_object_link *sci_stripe_leave(struct sci_stripe *stripe)
	SCI_RELEASES(stripe->lock);

static inline struct sci_object_link *sci_stripe_leave(struct sci_stripe *stripe)
{
	struct sci_object_link *to_free = sci_shard_take_removed(stripe->shard);

	sci_lock_release(&stripe->lock);
	return to_free;
}

/* Release it, and then free these objects: their free functions are the user's and may not return,
 * so this is the last thing that a call does. */
static inline void sci_stripe_unlock(struct sci_stripe *stripe) SCI_RELEASES(stripe->lock);

static inline void sci_stripe_unlock(struct sci_stripe *stripe)
{
	struct sci_object_link *to_free = sci_stripe_leave(stripe);

	if (to_free)
		sci_blob_release_list(to_free);
}

#endif
