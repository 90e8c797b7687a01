/* Storing an entry, and its terms. */
#ifndef SCI_CACHE_STORE_H
#define SCI_CACHE_STORE_H

#include "cache/handle.h"

/* Time to live, time to idle and cost of an entry. A negative time: do not store. 0 and
 * SC_NO_END: no expiry. */
struct sci_terms {
	int64_t ttl_ms, tti_ms;
	uint64_t cost;
};

/* `own`, with the cache's default for each time that is 0. */
struct sci_terms sci_cache_terms(const struct sc_cache *cache, struct sci_terms own);

/* A value or an object to store. A successful store takes over the reference to the object. */
struct sci_deposit {
	const void *data;
	size_t len;
	struct sci_blob *object; /* NULL: a value */
	struct sci_terms terms;
};

/* Store and count it; with a negative time, only remove the existing entry. Returns SC_OK,
 * SC_E_TOO_LARGE or SC_E_NOMEM. */
int sci_cache_store_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_deposit *deposit, int64_t now_ms)
	SCI_REQUIRES(stripe->lock);

/* Remove all entries and set the statistics to 0, with all stripes locked. */
void sci_cache_reset(struct sc_cache *cache);

#endif
