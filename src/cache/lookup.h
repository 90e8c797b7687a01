/* Looking up in a stripe, and values. */
#ifndef SCI_CACHE_LOOKUP_H
#define SCI_CACHE_LOOKUP_H

#include "cache/handle.h"

/* Look up a fresh value, and count. Returns true with what was found. */
bool sci_stripe_find_locked(struct sci_stripe *stripe, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found) SCI_REQUIRES(stripe->lock);

/* Look without a change or a count, for an entry that no tag has ended. */
enum sci_lookup sci_stripe_look_locked(struct sci_stripe *stripe, const struct sci_name *name,
	int64_t now_ms, struct sci_found *found) SCI_REQUIRES(stripe->lock);

/* The two halves of it, for entries that may also be stale or no values. */
enum sci_lookup sci_stripe_look_up_locked(struct sci_stripe *stripe, const struct sci_name *name,
	int64_t now_ms, struct sci_found *found) SCI_REQUIRES(stripe->lock);
void sci_stripe_count_locked(struct sci_stripe *stripe, bool is_hit, enum sci_lookup lookup)
	SCI_REQUIRES(stripe->lock);

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
