/* The bounds of a cache. */
#ifndef SCI_CACHE_UPKEEP_H
#define SCI_CACHE_UPKEEP_H

#include "cache/handle.h"

/* Set the bounds; the caller holds all stripes' locks. Returns 0, or SC_E_INVAL and no change. */
int sci_cache_bound_locked(struct sc_cache *cache, uint64_t max_entries, uint64_t max_bytes,
	int64_t now_ms, struct sc_error *error);

#endif
