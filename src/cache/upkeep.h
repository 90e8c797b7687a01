/* The bounds of a cache. */
#ifndef SCI_CACHE_UPKEEP_H
#define SCI_CACHE_UPKEEP_H

#include "cache/handle.h"

/* Set the bounds, with all stripes locked. Returns 0, or SC_E_INVAL with nothing changed. */
int sci_cache_bound_locked(struct sc_cache *cache, uint64_t max_entries, uint64_t max_bytes,
	int64_t now_ms, struct sc_error *error);

/* Maintain a cache to which this thread has a reference, unless it is being closed. Returns whether
 * something is left. If the user's code does not return, the reference is dropped. */
bool sci_upkeep_in_background(struct sc_cache *cache, uint64_t budget_ms);

/* After an invocation's answer: remove some of what belongs to scopes that were dropped. */
void sci_sweep_after_answer(void);

#endif
