/* Looking up in a stripe, and values. */
#ifndef SCI_CACHE_LOOKUP_H
#define SCI_CACHE_LOOKUP_H

#include "cache/lead.h"

/* Look up a fresh value, and count. Returns true with what was found. */
bool sci_stripe_find_locked(struct sci_stripe *stripe, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found) SCI_REQUIRES(stripe->lock);

/* What a fetch gets without a load. */
struct sci_answer {
	int result;         /* of sci_freshness_answer_locked() */
	bool needs_refresh; /* call sci_refresh_request() without the lock */
};

/* The same for a fetch, which may also get a stale value, or what is known of a load that failed.
 */
struct sci_answer sci_stripe_answer_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_wanted *wanted, int64_t now_ms,
	struct sc_value *value, struct sc_error *error) SCI_REQUIRES(stripe->lock);

/* Pin what was found in a stripe, as a value for the caller. Returns SC_HIT; SC_E_NOMEM when its
 * record has no pins left and there is no memory for a copy. */
int sci_cache_pin_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, struct sc_value *value) SCI_REQUIRES(stripe->lock);

/* A value on the heap; takes over the reference to `blob`. */
struct sc_value sci_value_of_blob(struct sci_blob *blob);

/* Whether a value is on the heap, and not pinned in the region. */
static inline bool sci_value_is_blob(const struct sc_value *value)
{
	return value->holder && value->hold == 0;
}

#endif
