/* What a cache notes with its entries, if its options ask for it: until when a value is fresh, and
 * what is known of loads that gave none. An entry with notes is one of
 *
 *	a value		fresh, and then stale for stale_while_revalidate_ms or, when loads fail,
 *			for stale_if_error_ms
 *	an absence	the source has no value, for negative_ttl_ms
 *	a failure	the load failed; no other begins before retry_at_ms
 */
#ifndef SCI_CACHE_FRESHNESS_H
#define SCI_CACHE_FRESHNESS_H

#include "cache/lead.h"

/* Whether these options ask for notes. */
bool sci_notes_are_wanted(const struct sc_cache_options *options);

/* The time to live of an entry that is stored now: `ttl_ms`, or less where there is jitter. */
int64_t sci_jittered_ms(const struct sc_cache *cache, const struct sci_stripe *stripe,
	const struct sci_name *name, int64_t ttl_ms);

/* The notes of a value that is stored now. */
struct sci_notes sci_notes_of_value(uint64_t generation, int64_t fresh_until_ms, int64_t now_ms);

/* When a value that is fresh until then expires. */
int64_t sci_stale_until_ms(const struct sc_cache *cache, int64_t fresh_until_ms);

/* Whether what was found is a fresh value. */
static inline bool sci_found_is_fresh(const struct sci_found *found, int64_t now_ms)
{
	return !found->has_notes || now_ms < found->notes.fresh_until_ms;
}

/* Set generation, age and remaining time of a value from the notes of its entry, if it has any. */
void sci_value_describe(struct sc_value *value, const struct sci_found *found, int64_t now_ms);

/* Whether what was found is a value that has to be refreshed, and no failed load makes it wait. */
bool sci_found_is_due(const struct sc_cache *cache, const struct sci_found *found, int64_t now_ms);

/* What a fetch gets from an entry: SC_HIT or SC_STALE with *value pinned; SC_E_ABSENT or SC_E_LOAD
 * with `error` set (NULL is allowed); another failure; or 0: load it. */
int sci_freshness_answer_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, const struct sci_wanted *wanted, int64_t now_ms,
	struct sc_value *value, struct sc_error *error) SCI_REQUIRES(stripe->lock);

/* Note a load that gave no value. Returns what its caller gets: SC_STALE with *value pinned, or
 * the failure, with the time to the next load in the load's error. */
int sci_freshness_failed_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_made *made, struct sc_value *value)
	SCI_REQUIRES(stripe->lock);

#endif
