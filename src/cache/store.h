/* Storing, and the terms of an entry. */
#ifndef SCI_CACHE_STORE_H
#define SCI_CACHE_STORE_H

#include "cache/handle.h"
#include "cache/terms.h"

/* `own`, with the cache's time for each that is 0. */
struct sci_terms sci_cache_terms(const struct sc_cache *cache, struct sci_terms own);

/* What is stored: a value, or an object, whose reference the cache takes over when it is stored. */
struct sci_deposit {
	const void *data;
	size_t len;
	struct sci_blob *object; /* NULL: it is a value */
	struct sci_terms terms;
};

/* Store and count it; or remove what was there, if its terms say not to store. Returns SC_OK,
 * SC_E_TOO_LARGE or SC_E_NOMEM. */
int sci_cache_store_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_deposit *deposit, int64_t now_ms)
	SCI_REQUIRES(stripe->lock);

/* Begin the times of an entry that was found, and has notes, anew. Its value and generation stay.
 * Returns false if the terms say not to store it. */
bool sci_cache_renew_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, struct sci_found *found, const struct sci_terms *terms,
	int64_t now_ms) SCI_REQUIRES(stripe->lock);

/* Remove all entries and reset the statistics. */
void sci_cache_reset(struct sc_cache *cache);

#endif
