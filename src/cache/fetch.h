/* A fetch of one key, also for calls that fetch several. */
#ifndef SCI_CACHE_FETCH_H
#define SCI_CACHE_FETCH_H

#include "cache/lead.h"

/* As sc_cache_fetch_with(), with *value all zero. */
int sci_fetch(struct sc_cache *cache, struct sc_key key, const struct sci_source *source,
	struct sc_value *value, struct sc_error *error);

/* Load the value of the flight that this thread leads, and complete it. Returns SC_LOADED, SC_STALE
 * or a failure, with *value or `error` set. */
int sci_fetch_lead(struct sc_cache *cache, struct sci_flight *flight,
	const struct sci_source *source, struct sc_value *value, struct sc_error *error);

#endif
