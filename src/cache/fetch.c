/* Fetch: a lookup that loads what it does not find, one loader for a key at a time.
 *
 *	look up ── hit ──> pin it
 *	   │ miss: board the key's flight, under the same lock
 *	   ├─ theirs ──> wait ──> their result
 *	   └─ mine ──> loader ──> store, unless overtaken ──> land ──> my result
 *
 * The value that a load gives lives in a blob of its own, so that the caller and those who wait have it
 * whatever the cache makes of it. */
#include "cache/cache_time.h"
#include "cache/flight.h"
#include "cache/handle.h"
#include "cache/load.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sized.h"

#include <stdlib.h>

static int failed(struct sc_error *error, int code)
{
	return sci_error_set(error, code, 0, "%s", sc_result_text(code));
}

/* A loader, and what it is given. */
struct source {
	sc_load_fn loader;
	void *context;
};

/* Run the loader. Returns SC_LOADED with a value, or a failure whose detail is in load->error. */
static int run_loader(const struct sc_cache *cache, struct sc_load *load,
	const struct source *source)
{
	int64_t began_us = cache->options.load_time_is_cost ? sci_mono_us() : 0;
	int rc = source->loader(load, source->context);

	if (cache->options.load_time_is_cost && load->terms.cost == 0)
		load->terms.cost = (uint64_t)(sci_mono_us() - began_us) + 1;
	if (rc >= 0 && load->value)
		return SC_LOADED;
	if (rc >= 0)
		sc_load_fail(load, 0, "the loader gave no value");
	else if (load->error.code == 0 && rc == SC_E_ABSENT)
		failed(&load->error, rc);
	else if (load->error.code == 0)
		sc_load_fail(load, rc, "the loader failed with %d", rc);
	load->error.user_code = rc;
	load->error.code = rc == SC_E_ABSENT ? SC_E_ABSENT : SC_E_LOAD;
	return load->error.code;
}

static void store_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sc_load *load, int64_t now_ms)
{
	struct sci_blob *blob = load->value;
	bool is_object = sci_blob_is_object(blob);
	struct sci_deposit deposit = {
		.data = blob->data,
		.len = blob->len,
		.object = is_object ? sci_blob_acquire(blob) : NULL,
		.terms = sci_cache_terms(cache, load->terms),
	};

	int rc = sci_cache_store_locked(cache, stripe, name, &deposit, now_ms);
	/* Never the last hold: the load has one. */
	if (rc < 0 && is_object)
		sci_blob_release(blob);
}

/* Put what was loaded into the cache, unless the key was changed meanwhile, and count the load. */
static void settle(struct sc_cache *cache, const struct sci_name *name, const struct sc_load *load,
	int rc, const struct sci_flight *flight)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, name->hash);

	/* Time goes on at each load: what it gave counts from its end. */
	sci_cache_time_advance();
	int64_t now_ms = sci_cache_now_ms(cache);
	sci_stripe_lock(stripe);
	stripe->counts.loads += rc == SC_LOADED;
	stripe->counts.load_absences += rc == SC_E_ABSENT;
	stripe->counts.load_failures += rc != SC_LOADED && rc != SC_E_ABSENT;
	if (rc == SC_LOADED && !sci_flight_is_overtaken(flight))
		store_locked(cache, stripe, name, load, now_ms);
	sci_stripe_unlock(stripe);
}

static int load(struct sc_cache *cache, const struct sci_name *name, const struct source *source,
	struct sci_flight *flight, struct sc_value *value, struct sc_error *error)
{
	struct sc_load load = { 0 };
	int rc = sci_key_decode(&load.parts, name->key, name->len);

	if (rc < 0) {
		failed(&load.error, rc);
	} else {
		load.key = (struct sc_key){ load.parts.parts, load.parts.count };
		rc = run_loader(cache, &load, source);
		sci_key_parts_fini(&load.parts);
	}
	settle(cache, name, &load, rc, flight);
	sci_flight_land(flight, rc, &load.error, rc == SC_LOADED ? load.value : NULL);
	if (rc == SC_LOADED) {
		*value = sci_value_of_blob(load.value);
		return rc;
	}
	sci_blob_release(load.value);
	if (error)
		*error = load.error;
	return rc;
}

static int wait(struct sci_flight *flight, struct sc_value *value, struct sc_error *error)
{
	int rc = sci_flight_wait(flight, sci_invocation_deadline_mono_ms());

	if (rc < 0) {
		failed(error, rc);
	} else {
		rc = flight->result;
		if (rc == SC_LOADED)
			*value = sci_value_of_blob(sci_blob_acquire(flight->blob));
		else if (error)
			*error = flight->error;
	}
	sci_flight_leave(flight);
	return rc;
}

static int fetch(struct sc_cache *cache, const struct sci_name *name, const struct source *source,
	struct sc_value *value, struct sc_error *error)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, name->hash);
	enum sci_boarding boarding = SCI_FLIGHT_NOMEM;
	int64_t now_ms = sci_cache_lookup_ms(cache);
	struct sci_flight *flight = NULL;
	struct sci_found found;

	sci_stripe_lock(stripe);
	bool hit = sci_stripe_find_locked(stripe, name, now_ms, &found);
	int pinned = hit ? sci_cache_pin_locked(cache, stripe, &found, value) : 0;
	if (!hit)
		boarding = sci_flight_board(cache, name->key, name->len, &flight);
	stripe->counts.load_waits += boarding == SCI_FLIGHT_THEIRS;
	sci_stripe_unlock(stripe);

	if (pinned == SC_HIT)
		return SC_HIT;
	if (boarding == SCI_FLIGHT_MINE)
		return load(cache, name, source, flight, value, error);
	if (boarding == SCI_FLIGHT_THEIRS)
		return wait(flight, value, error);
	return failed(error, SC_E_NOMEM);
}

int sc_cache_fetch_with(struct sc_cache *cache, struct sc_key key,
	const struct sc_fetch_options *options, struct sc_value *value, struct sc_error *error)
{
	struct source source = { cache->options.loader, cache->options.loader_context };
	struct sc_fetch_options known = { 0 };
	struct sci_lookup_key lookup;

	*value = (struct sc_value){ 0 };
	if (options && !sci_sized_read(&known, sizeof known, options, options->size))
		return sci_error_set(error, SC_E_INVAL, 0,
			"the fetch's options have no size, or one is set that this version of the "
			"library does not know");
	if (known.loader)
		source = (struct source){ known.loader, known.loader_context };
	if (!source.loader)
		return sci_error_set(error, SC_E_INVAL, 0,
			"there is no loader: open the cache with one, or name one for this fetch");
	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return sci_error_set(error, rc, 0, "the key cannot be used: %s",
			sc_result_text(rc));
	rc = fetch(cache, &lookup.name, &source, value, error);
	sci_key_fini(&lookup);
	return rc;
}

int sc_cache_fetch(struct sc_cache *cache, struct sc_key key, struct sc_value *value,
	struct sc_error *error)
{
	return sc_cache_fetch_with(cache, key, NULL, value, error);
}
