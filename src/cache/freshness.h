/* The rules of freshness: what a fetch gets from an entry with notes, and what is noted of a load
 * that gave no value. */
#ifndef SCI_CACHE_FRESHNESS_H
#define SCI_CACHE_FRESHNESS_H

#include "base/error.h"
#include "cache/load.h"
#include "cache/lookup.h"

/* What a fetch accepts of what is stored. */
struct sci_wanted {
	int64_t max_age_ms; /* 0: any age */
	bool force;         /* nothing: it loads */
	int64_t timeout_ms; /* how long it waits for another thread's load; SC_NO_END: no end */
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

/* The same for any cache: one without notes has only fresh values. */
static inline struct sci_answer sci_answer_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_wanted *wanted, int64_t now_ms,
	struct sc_value *value, struct sc_error *error) SCI_REQUIRES(stripe->lock);

static inline struct sci_answer sci_answer_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_wanted *wanted, int64_t now_ms,
	struct sc_value *value, struct sc_error *error)
{
	struct sci_answer answer = { 0, false };
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	if (cache->keeps_notes || wanted->force)
		return sci_freshness_answer_locked(cache, stripe, name, wanted, now_ms, value,
			error);
	if (sci_stripe_find_locked(stripe, name, now_ms, &found))
		answer.result = sci_cache_pin_locked(cache, stripe, &found, value);
	if (answer.result < 0)
		sci_error_plain(error, answer.result);
	return answer;
}

/* Look for a stale value that a caller may get in place of a failure. Returns SC_STALE with *value
 * pinned, or the failure. */
int sci_freshness_instead_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, int failure, int64_t now_ms, struct sc_value *value)
	SCI_REQUIRES(stripe->lock);

/* Note that a load ended at `now_ms` with this failure. Returns what its caller gets: SC_STALE with
 * *value pinned, or the failure, with the time to the next load in the load's error. */
int sci_freshness_failed_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, struct sc_load *load, int failure, int64_t now_ms,
	struct sc_value *value) SCI_REQUIRES(stripe->lock);

#endif
