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
};

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
void sci_made_close(struct sci_made *made, struct sci_departed *departed);

#endif
