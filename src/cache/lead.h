/* The leader of a flight. It runs the loader so that the flight completes even if the loader does
 * not return, because it threw or its thread ended. */
#ifndef SCI_CACHE_LEAD_H
#define SCI_CACHE_LEAD_H

#include "cache/flight.h"
#include "cache/load.h"

/* A loader and its context. */
struct sci_source {
	sc_load_fn loader;
	void *context;
	sc_load_many_fn batch_loader; /* with the same context; NULL: none */
};

/* The source of a fetch: the loader in its options, or the cache's. Returns 0, or SC_E_INVAL;
 * `error` says what is wrong. */
int sci_source_of(const struct sc_cache *cache, const struct sc_fetch_options *options,
	struct sci_source *source, struct sc_error *error);

/* Run the loader for one load. Returns what the loader returned. */
int sci_source_load(struct sc_load *load, const struct sci_source *source);

/* The result of one load, when the batch loader returned `rc` for all its loads. */
int sci_batch_result(const struct sc_load *load, int rc);

/* The outcome of a load. */
struct sci_made {
	int result;           /* SC_LOADED with load->value; 0: no value; or the failure */
	struct sc_load *load; /* NULL: out of memory */
	int64_t now_ms;       /* when its ttl begins */
};

/* Run the loader for a flight that this thread leads, with no lock held. `old` is the current value
 * for an update; NULL or all zero: none. If the loader returns, the caller must complete the
 * flight. If it does not, this completes the flight with a failure and releases `old`. */
struct sci_made sci_lead(struct sc_cache *cache, struct sci_flight *flight,
	const struct sci_source *source, struct sc_value *old);

/* The loader returned `rc`: fill in load->error if it failed. Returns the `result` of struct
 * sci_made. */
int sci_lead_judge(struct sc_load *load, int rc);

/* Fill in load->error for a loader that did not return, or that gave no value. Returns
 * SC_E_LOAD. */
int sci_lead_no_return(struct sc_load *load);
int sci_lead_no_value(struct sc_load *load);

/* Complete a flight that this thread leads: store the loaded value unless the flight was
 * invalidated, count it, wake the waiters, and fill in *value or `error` (which may be NULL).
 * Returns SC_LOADED or the failure. */
int sci_made_conclude(struct sc_cache *cache, struct sci_flight *flight, struct sci_made *made,
	struct sc_value *value, struct sc_error *error);

/* Wait for a flight and leave it. Returns its result with *value or `error` filled in; 0 when the
 * result is only for the leader, so look up again; or why the wait failed. */
int sci_lead_follow(struct sci_flight *flight, struct sc_value *value, struct sc_error *error);

/* Store a loaded value. */
void sci_made_store_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_made *made) SCI_REQUIRES(stripe->lock);

/* Count a load, its absence or its failure. */
void sci_made_count_locked(struct sci_stripe *stripe, const struct sci_made *made)
	SCI_REQUIRES(stripe->lock);

/* Fill in `error`, which may be NULL, for a load without a value. Returns the failure. */
int sci_made_error(const struct sci_made *made, struct sc_error *error);

/* Free the load, and then release its value and the list `to_free`: their free functions are user
 * code, so they run last. */
void sci_made_close(struct sci_made *made, struct sci_object_link *to_free);

#endif
