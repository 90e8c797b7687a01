/* A fetch of one key, also for calls that fetch several. */
#ifndef SCI_CACHE_FETCH_H
#define SCI_CACHE_FETCH_H

#include "cache/lead.h"

/* As sc_cache_fetch_with(), with *value all zero. */
int sci_fetch(struct sc_cache *cache, struct sc_key key, const struct sci_source *source,
	struct sc_value *value, struct sc_error *error);

#endif
