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
	uint64_t hold;      /* of the pins of its values, but for the record's offset */
	struct sci_counts counts;
	uint64_t generation; /* of the value that was stored last */
	/* The drops of scopes after which it was swept, and the present sweep. */
	uint64_t swept, sweeping;
	uint32_t sweep_at, sweeps;
	unsigned char apart[64]; /* no two stripes share a cache line */
};

/* A hold says which record a pinned value is: the number of the stripe and the offset, which is
 * never 0. The hold of a secret one is negative, and says after how many forks it was pinned:
 *
 *	secret:1 | forks:26 | stripe:5 | offset:32 */
#define SCI_HOLD_STRIPE_SHIFT 32
#define SCI_HOLD_FORKS_SHIFT  37
#define SCI_HOLD_SECRET       (UINT64_C(1) << 63)

/* The most stripes of any cache. */
#define SCI_STRIPES_MAX 32u

_Static_assert(SCI_STRIPES_MAX == 1u << (SCI_HOLD_FORKS_SHIFT - SCI_HOLD_STRIPE_SHIFT),
	"a hold has room for the number of a stripe");

static inline bool sci_hold_is_secret(uint64_t hold)
{
	return (int64_t)hold < 0;
}

static inline uint32_t sci_hold_stripe(uint64_t hold)
{
	return (uint32_t)(hold >> SCI_HOLD_STRIPE_SHIFT) & (SCI_STRIPES_MAX - 1);
}

/* The hold of a secret stripe after one more fork. */
static inline uint64_t sci_hold_after_fork(uint64_t hold)
{
	return (hold + (UINT64_C(1) << SCI_HOLD_FORKS_SHIFT)) | SCI_HOLD_SECRET;
}

/* Whether the record of this hold is in the stripe, and not in that of the parent process. */
static inline bool sci_hold_is_present(uint64_t hold, const struct sci_stripe *stripe)
{
	return hold >> SCI_HOLD_STRIPE_SHIFT == stripe->hold >> SCI_HOLD_STRIPE_SHIFT;
}

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
