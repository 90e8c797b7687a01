/* Lookups under the lock of a stripe, and the making of values. */
#ifndef SCI_CACHE_LOOKUP_H
#define SCI_CACHE_LOOKUP_H

#include "cache/handle.h"

/* Look up, and count the hit or miss. Returns true with *found set. */
bool sci_stripe_find_locked(struct sci_stripe *stripe, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found) SCI_REQUIRES(stripe->lock);

/* Pin what was found in a stripe of the cache, as a value for the caller. Returns SC_HIT;
 * SC_E_NOMEM when the record can count no more pins and there is no memory for a copy. */
int sci_cache_pin_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, struct sc_value *value) SCI_REQUIRES(stripe->lock);

/* A value on the heap; it takes over the caller's reference to `blob`. */
struct sc_value sci_value_of_blob(struct sci_blob *blob);

/* Whether a value is on the heap, not pinned in the region. */
static inline bool sci_value_is_blob(const struct sc_value *value)
{
	return value->holder && value->hold == 0;
}

#endif
