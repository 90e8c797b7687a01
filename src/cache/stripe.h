/* One shard of a cache, and the lock that guards it.
 *
 * The caller of a function whose name ends in _locked holds the lock of the stripe; clang's
 * -Wthread-safety and an assertion check that. */
#ifndef SCI_CACHE_STRIPE_H
#define SCI_CACHE_STRIPE_H

#include "base/lock.h"
#include "cache/blob.h"
#include "engine/shard.h"

/* The statistics that the cache counts; the shard counts the others. */
struct sci_counts {
	uint64_t hits, misses, expired, loads, load_failures, load_absences, load_waits, puts,
		invalidations, rejected;
};

/* Lock striping: the hash of a key selects its stripe. */
struct sci_stripe {
	struct sci_lock lock; /* guards the fields below, and all changes of the shard */
	struct sci_shard *shard;
	uint64_t populated; /* bytes of the shard populated; UINT64_MAX: populate no more */
	bool has_objects;   /* whether an object was ever stored */
	struct sci_counts counts;
	unsigned char apart[64]; /* no two stripes share a cache line */
};

static inline void sci_stripe_lock(struct sci_stripe *stripe) SCI_TAKES(stripe->lock);

static inline void sci_stripe_lock(struct sci_stripe *stripe)
{
	sci_lock_take(&stripe->lock);
}

/* Release the lock, and return the objects whose entries were removed under it, for
 * sci_blob_release_list(). */
static inline struct sci_object_link *sci_stripe_leave(struct sci_stripe *stripe)
	SCI_LETS_GO(stripe->lock);

static inline struct sci_object_link *sci_stripe_leave(struct sci_stripe *stripe)
{
	struct sci_object_link *to_free = sci_shard_take_removed(stripe->shard);

	sci_lock_let_go(&stripe->lock);
	return to_free;
}

/* Release the lock, and then those objects. Their free functions are user code and may not return,
 * so this must be the last step of a call. */
static inline void sci_stripe_unlock(struct sci_stripe *stripe) SCI_LETS_GO(stripe->lock);

static inline void sci_stripe_unlock(struct sci_stripe *stripe)
{
	struct sci_object_link *to_free = sci_stripe_leave(stripe);

	if (to_free)
		sci_blob_release_list(to_free);
}

#endif
