/* The leader of a flight: it runs the loader, in a way that the flight lands even if the loader does
 * not come back, because it threw or its thread ended. */
#ifndef SCI_CACHE_LEAD_H
#define SCI_CACHE_LEAD_H

#include "cache/flight.h"
#include "cache/load.h"

/* A loader, and what it is given. */
struct sci_source {
	sc_load_fn loader;
	void *context;
	sc_load_many_fn batch_loader; /* NULL: none; of the same context */
};

/* Which that is for a fetch: its own, or the cache's. Returns 0, or SC_E_INVAL with `error` saying what is
 * wrong. */
int sci_source_of(const struct sc_cache *cache, const struct sc_fetch_options *options,
	struct sci_source *source, struct sc_error *error);

/* Load one with it. */
int sci_source_load(struct sc_load *load, const struct sci_source *source);

/* What a batch loader that returned `rc` for all its loads would have returned for this one. */
int sci_batch_result(const struct sc_load *load, int rc);

/* What came of it. */
struct sci_made {
	int result;           /* SC_LOADED with load->value; 0: it gave nothing; or how it failed */
	struct sc_load *load; /* NULL: there was no memory for one */
	int64_t now_ms;       /* the time that it counts from */
};

/* Run the loader for the name of this thread's own flight, with no lock held. `old` is what an update
 * begins with: NULL, or all zero, is nothing. Returns only if the loader did; then the flight is to be
 * landed. Otherwise it has landed with a failure, and `old` is released. */
struct sci_made sci_lead(struct sc_cache *cache, struct sci_flight *flight,
	const struct sci_source *source, struct sc_value *old);

/* For a load that its loader has returned `rc` for: say what is wrong, if anything is. Returns what
 * struct sci_made has as its result. */
int sci_lead_judge(struct sc_load *load, int rc);

/* The failure of a load whose loader did not come back, and of one that gave nothing. */
int sci_lead_no_return(struct sc_load *load);
int sci_lead_no_value(struct sc_load *load);

/* End this thread's own flight: store what was loaded, unless the key was changed meanwhile, count it,
 * tell those who wait, and fill in *value or `error` (which may be NULL). Returns SC_LOADED or the
 * failure. */
int sci_made_conclude(struct sc_cache *cache, struct sci_flight *flight, struct sci_made *made,
	struct sc_value *value, struct sc_error *error);

/* Wait for the flight of another thread, and leave it. Returns what its leader found, with *value or
 * `error` filled in; 0 when that is nothing that could be given to others; or why the wait ended. */
int sci_lead_follow(struct sci_flight *flight, struct sc_value *value, struct sc_error *error);

/* Store what was loaded, with the lock of its stripe. */
void sci_made_store_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_made *made) SCI_REQUIRES(stripe->lock);

/* Count it, with the lock. */
void sci_made_count_locked(struct sci_stripe *stripe, const struct sci_made *made)
	SCI_REQUIRES(stripe->lock);

/* Why there is no value: fill in `error`, which may be NULL. Returns the failure. */
int sci_made_error(const struct sci_made *made, struct sc_error *error);

/* Free the load. What it had given goes with `departed`, and these are released last: the functions
 * that free them are the user's. */
void sci_made_close(struct sci_made *made, struct sci_object_link *to_free);

#endif
