/* The leader of a flight: runs the loader, and completes the flight even if the loader does not
 * return, because it threw or its thread ended. */
#ifndef SCI_CACHE_LEAD_H
#define SCI_CACHE_LEAD_H

#include "cache/flight.h"
#include "cache/freshness.h"
#include "cache/tags.h"

/* A loader, and its context. */
struct sci_source {
	sc_load_fn loader;
	void *context;
	sc_load_many_fn batch_loader;     /* NULL: none; has the same context */
	const struct sc_context *entered; /* for the call; NULL: none */
	struct sci_wanted wanted;
};

/* The source of a fetch: its own, or the cache's. Returns 0, or SC_E_INVAL with `error` set. */
int sci_source_of(const struct sc_cache *cache, const struct sc_fetch_options *options,
	struct sci_source *source, struct sc_error *error);

/* Load one key from it. */
int sci_source_load(struct sc_load *load, const struct sci_source *source);

/* What a batch loader that returned `rc` for all its loads would have returned for this one. */
int sci_batch_result(const struct sc_load *load, int rc);

/* Give a load of a flight that this thread leads its time, and what it is to replace. May call the
 * user's clock. */
void sci_lead_prepare(struct sc_cache *cache, const struct sci_flight *flight,
	const struct sci_wanted *wanted, struct sc_load *load);

/* The outcome of a load. */
struct sci_made {
	/* SC_LOADED with load->value, or load->is_unchanged; 0: no value; or the failure */
	int result;
	struct sc_load *load; /* NULL: out of memory */
	int64_t now_ms;       /* when the value's age begins, if the loader returned */
	bool returned;
};

/* Run the loader for the name of the flight that this thread leads, without a lock. `old` is the
 * value that an update starts from: NULL, or all zero, for none. Returns only if the loader did;
 * then complete the flight. Otherwise it was completed with a failure, and `old` is released. */
struct sci_made sci_lead(struct sc_cache *cache, struct sci_flight *flight,
	const struct sci_source *source, struct sc_value *old);

/* Check a load for which its loader returned `rc`. Returns the result of struct sci_made. */
int sci_lead_judge(struct sc_load *load, int rc);

/* The failure of a load whose loader did not return, or gave no value. */
int sci_lead_no_return(struct sc_load *load);
int sci_lead_no_value(struct sc_load *load);

/* Complete the flight that this thread leads: store the value, unless the flight was invalidated,
 * count it, tell the waiters, and set *value or `error` (NULL is allowed). Returns SC_LOADED or
 * the failure. */
int sci_made_conclude(struct sc_cache *cache, struct sci_flight *flight, struct sci_made *made,
	struct sc_value *value, struct sc_error *error);

/* Load the value of the flight that this thread leads, and complete it. Returns SC_LOADED, SC_STALE
 * or a failure, with *value or `error` (NULL is allowed) set. */
int sci_lead_to_end(struct sc_cache *cache, struct sci_flight *flight,
	const struct sci_source *source, struct sc_value *value, struct sc_error *error);

/* Wait for another thread's flight, and leave it. Returns its result with *value or `error` set; 0
 * if it cannot be shared; or why the wait ended; or SC_STALE, if it ended too early and a stale
 * value may be returned. */
int sci_lead_follow(struct sc_cache *cache, struct sci_flight *flight,
	const struct sci_wanted *wanted, struct sc_value *value, struct sc_error *error);

/* Whether a tag of what was loaded was invalidated since the load began. */
static inline bool sci_made_is_dead(const struct sc_cache *cache, const struct sci_made *made)
{
	return cache->tags && made->load && sci_entry_tags_are_dead(cache->tags, &made->load->tags);
}

/* Store what was loaded, with the lock of its stripe. */
void sci_made_store_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_made *made) SCI_REQUIRES(stripe->lock);

/* Count it, with the lock. */
void sci_made_count_locked(struct sci_stripe *stripe, const struct sci_made *made)
	SCI_REQUIRES(stripe->lock);

/* Why there is no value: set `error` (NULL is allowed). Returns the failure. */
int sci_made_error(const struct sci_made *made, struct sc_error *error);

/* Free the load. Its value is released with `to_free`, last, because the functions that free
 * objects are the user's. */
void sci_made_close(struct sci_made *made, struct sci_object_link *to_free);

#endif
