/* Fetch: a lookup that loads what it does not find, one loader for a key at a time.
 *
 *	look up ── hit ──> pin it
 *	   │ miss: board the key's flight, under the same lock
 *	   ├─ theirs ──> wait ──> their result
 *	   └─ mine ──> loader ──> store, unless overtaken ──> land ──> my result
 *
 * The value that a load gives lives in a blob of its own, so that the caller and those who wait have it
 * whatever the cache makes of it. */
#include "cache/board.h"
#include "cache/cache_time.h"
#include "cache/lead.h"

#include "base/error.h"
#include "base/sized.h"

/* Store what was loaded, unless the key was changed meanwhile, and tell those who wait. Not in line, so
 * that it takes nothing of the stack that the loader runs on; nor are the others here. */
static __attribute__((noinline)) int conclude(struct sc_cache *cache, struct sci_flight *flight,
	struct sci_made *made, struct sc_value *value, struct sc_error *error)
{
	const struct sci_name name = sci_flight_name(flight);
	struct sci_stripe *stripe = sci_cache_stripe(cache, name.hash);
	struct sci_blob *blob = made->result == SC_LOADED ? made->load->value : NULL;
	int rc = made->result;

	sci_stripe_lock(stripe);
	sci_made_count_locked(stripe, made);
	if (blob && !sci_flight_is_overtaken(flight))
		sci_made_store_locked(cache, stripe, &name, made);
	struct sci_departed *departed = sci_stripe_leave(stripe);
	if (blob) {
		*value = sci_value_of_blob(sci_blob_acquire(blob));
		sci_flight_land(flight, rc, NULL, blob);
	} else {
		struct sc_error why;
		rc = sci_made_error(made, &why);
		if (error)
			*error = why;
		sci_flight_land(flight, rc, &why, NULL);
	}
	sci_made_close(made, departed);
	return rc;
}

static int lead(struct sc_cache *cache, struct sci_flight *flight, const struct sci_source *source,
	struct sc_value *value, struct sc_error *error)
{
	struct sci_made made = sci_lead(cache, flight, source, NULL);

	if (made.result == 0) {
		sc_load_fail(made.load, 0, "the loader gave no value");
		made.result = SC_E_LOAD;
	}
	return conclude(cache, flight, &made, value, error);
}

/* Returns 0 when they found nothing that they could give to others. */
static __attribute__((noinline)) int wait(struct sci_flight *flight, struct sc_value *value,
	struct sc_error *error)
{
	int rc = sci_flight_wait(flight, sci_invocation_deadline_mono_ms());

	if (rc < 0) {
		sci_error_plain(error, rc);
	} else {
		rc = flight->result;
		if (rc == SC_LOADED)
			*value = sci_value_of_blob(sci_blob_acquire(flight->blob));
		else if (rc < 0 && error)
			*error = flight->error;
	}
	sci_flight_leave(flight);
	return rc;
}

static int fetch(struct sc_cache *cache, struct sc_key key, const struct sci_source *source,
	struct sc_value *value, struct sc_error *error)
{
	int rc;

	do {
		struct sci_boarded boarded = sci_board(cache, key, SCI_BOARD_TO_LOAD, value, error);
		if (boarded.result)
			return boarded.result;
		if (boarded.boarding == SCI_FLIGHT_MINE)
			return lead(cache, boarded.flight, source, value, error);
		rc = wait(boarded.flight, value, error);
	} while (rc == 0);
	return rc;
}

int sc_cache_fetch_with(struct sc_cache *cache, struct sc_key key,
	const struct sc_fetch_options *options, struct sc_value *value, struct sc_error *error)
{
	struct sci_source source = { cache->options.loader, cache->options.loader_context };
	struct sc_fetch_options known = { 0 };

	*value = (struct sc_value){ 0 };
	if (options && !sci_sized_read(&known, sizeof known, options, options->size))
		return sci_error_set(error, SC_E_INVAL, 0,
			"the fetch's options have no size, or one is set that this version of the "
			"library does not know");
	if (known.loader)
		source = (struct sci_source){ known.loader, known.loader_context };
	if (!source.loader)
		return sci_error_set(error, SC_E_INVAL, 0,
			"there is no loader: open the cache with one, or name one for this fetch");
	return fetch(cache, key, &source, value, error);
}

int sc_cache_fetch(struct sc_cache *cache, struct sc_key key, struct sc_value *value,
	struct sc_error *error)
{
	return sc_cache_fetch_with(cache, key, NULL, value, error);
}
