/* The rules of freshness: what a fetch gets from an entry with notes, and what is noted of a load
 * that gave no value. */
#ifndef SCI_CACHE_FRESHNESS_H
#define SCI_CACHE_FRESHNESS_H

#include "cache/load.h"

/* What a fetch accepts of what is stored. */
struct sci_wanted {
	int64_t max_age_ms; /* 0: any age */
	bool force;         /* nothing: it loads */
};

/* What a fetch gets without a load. */
struct sci_answer {
	/* SC_HIT or SC_STALE with a value pinned; SC_E_ABSENT, SC_E_LOAD or another failure; or 0:
	 * load it. */
	int result;
	bool needs_refresh; /* call sci_refresh_request() without the lock */
};

/* Look up and count, and set *value, or `error` (NULL is allowed). */
struct sci_answer sci_freshness_answer_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_wanted *wanted, int64_t now_ms,
	struct sc_value *value, struct sc_error *error) SCI_REQUIRES(stripe->lock);

/* Note that a load ended at `now_ms` with this failure. Returns what its caller gets: SC_STALE with
 * *value pinned, or the failure, with the time to the next load in the load's error. */
int sci_freshness_failed_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, struct sc_load *load, int failure, int64_t now_ms,
	struct sc_value *value) SCI_REQUIRES(stripe->lock);

#endif
