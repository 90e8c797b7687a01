/* The user's code runs in two places: the loader, and then the user's clock. A cleanup handler is
 * around both, which C++ exceptions, pthread_exit() and cancellation run. It calls no user code
 * before the flight is completed. */
#include "cache/lead.h"

#include "base/clock.h"
#include "base/error.h"
#include "cache/cache_clock.h"
#include "cache/cache_time.h"
#include "cache/handle.h"
#include "cache/lookup.h"
#include "cache/store.h"

struct leader {
	struct sc_cache *cache;
	struct sci_flight *flight;
	struct sc_load *load;
	struct sc_value *old;
};

static void explain_absence(struct sc_load *load, int rc)
{
	if (load->error.code == 0 && rc == SC_E_ABSENT)
		sci_error_plain(&load->error, rc);
	else if (load->error.code == 0)
		sc_load_fail(load, rc, "the loader failed with %d", rc);
	load->error.user_code = rc;
	load->error.kind = load->kind;
	load->error.retry_after_ms = load->retry_after_ms;
	load->error.code = rc == SC_E_ABSENT ? SC_E_ABSENT : SC_E_LOAD;
}

/* Returns the result of struct sci_made. */
static int run_loader(const struct sc_cache *cache, struct sc_load *load,
	const struct sci_source *source)
{
	int64_t began_us = cache->options.load_time_is_cost ? sci_mono_us() : 0;
	int rc = sci_source_load(load, source);

	if (cache->options.load_time_is_cost && load->terms.cost == 0)
		load->terms.cost = (uint64_t)(sci_mono_us() - began_us) + 1;
	return sci_lead_judge(load, rc);
}

int sci_lead_judge(struct sc_load *load, int rc)
{
	if (rc >= 0)
		return load->value ? SC_LOADED : 0;
	explain_absence(load, rc);
	return load->error.code;
}

int sci_lead_no_return(struct sc_load *load)
{
	load->error = (struct sc_error){ 0 };
	return sci_error_set(&load->error, SC_E_LOAD, 0,
		"the loader did not return: it threw, or its thread ended");
}

int sci_lead_no_value(struct sc_load *load)
{
	sc_load_fail(load, 0, "the loader gave no value");
	return SC_E_LOAD;
}

/* The loader did not return. */
static void abandon(void *arg)
{
	struct leader *leader = arg;
	struct sc_load *load = leader->load;
	struct sci_made made = { .result = sci_lead_no_return(load), .load = load };
	struct sci_stripe *stripe = sci_cache_stripe(leader->cache, leader->flight->hash);

	sci_stripe_lock(stripe);
	sci_made_count_locked(stripe, &made);
	struct sci_object_link *to_free = sci_stripe_leave(stripe);
	sci_flight_complete(leader->flight, made.result, &load->error, NULL);
	if (leader->old)
		sc_value_release(leader->old);
	sci_made_close(&made, to_free);
}

struct sci_made sci_lead(struct sc_cache *cache, struct sci_flight *flight,
	const struct sci_source *source, struct sc_value *old)
{
	const struct sci_name name = sci_flight_name(flight);
	struct sci_made made = { .result = SC_E_NOMEM,
		.load = sci_load_open(&name, cache->options.secret) };
	struct leader leader = { cache, flight, made.load, old };

	if (!made.load)
		return made;
	made.load->old = old && old->holder ? old : NULL;
	pthread_cleanup_push(abandon, &leader);
	made.result = run_loader(cache, made.load, source);
	/* Time is updated after each load: the value's age counts from its end. */
	sci_cache_time_advance();
	made.now_ms = sci_cache_now_ms(cache);
	made.returned = true;
	pthread_cleanup_pop(0);
	return made;
}

void sci_made_store_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_made *made)
{
	const struct sc_load *load = made->load;
	struct sci_blob *blob = load->value;
	bool is_object = sci_blob_is_object(blob);
	struct sci_deposit deposit = {
		.data = blob->data,
		.len = blob->len,
		.object = is_object ? sci_blob_acquire(blob) : NULL,
		.terms = sci_cache_terms(cache, load->terms),
	};

	sci_lock_assert_held(&stripe->lock);
	int rc = sci_cache_store_locked(cache, stripe, name, &deposit, made->now_ms);
	/* Not the last reference: the load has one. */
	if (rc < 0 && is_object)
		sci_blob_release(blob);
	if (rc == SC_OK && cache->keeps_notes) {
		blob->generation = stripe->generation;
		blob->remaining_ms = deposit.terms.ttl_ms ? deposit.terms.ttl_ms : SC_NO_END;
	}
}

void sci_made_count_locked(struct sci_stripe *stripe, const struct sci_made *made)
{
	sci_lock_assert_held(&stripe->lock);
	stripe->counts.loads += made->result == SC_LOADED;
	stripe->counts.load_absences += made->result == SC_E_ABSENT;
	stripe->counts.load_failures += made->result < 0 && made->result != SC_E_ABSENT;
}

int sci_made_error(const struct sci_made *made, struct sc_error *error)
{
	if (!made->load)
		return sci_error_plain(error, made->result);
	if (error)
		*error = made->load->error;
	return made->result;
}

static void release(void *blob)
{
	sci_blob_release(blob);
}

void sci_made_close(struct sci_made *made, struct sci_object_link *to_free)
{
	struct sci_blob *given = made->load ? made->load->value : NULL;

	sci_load_close(made->load);
	made->load = NULL;
	pthread_cleanup_push(release, given);
	sci_blob_release_list(to_free);
	pthread_cleanup_pop(1);
}

/* A loader that did not return says nothing of its source. */
static int failed_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_made *made, struct sc_value *value)
{
	sci_lock_assert_held(&stripe->lock);
	return made->returned ? sci_freshness_failed_locked(cache, stripe, name, made->load,
					made->result, made->now_ms, value)
			      : made->result;
}

/* Not inline, so that it takes no stack while the loader runs. */
__attribute__((noinline)) int sci_made_conclude(struct sc_cache *cache, struct sci_flight *flight,
	struct sci_made *made, struct sc_value *value, struct sc_error *error)
{
	const struct sci_name name = sci_flight_name(flight);
	struct sci_stripe *stripe = sci_cache_stripe(cache, name.hash);
	struct sci_blob *blob = made->result == SC_LOADED ? made->load->value : NULL;
	int rc = made->result;

	sci_stripe_lock(stripe);
	sci_made_count_locked(stripe, made);
	if (!sci_flight_is_invalidated(flight)) {
		if (blob)
			sci_made_store_locked(cache, stripe, &name, made);
		else
			rc = failed_locked(cache, stripe, &name, made, value);
	}
	struct sci_object_link *to_free = sci_stripe_leave(stripe);
	if (blob) {
		*value = sci_value_of_blob(sci_blob_acquire(blob));
		sci_flight_complete(flight, rc, NULL, blob);
	} else if (rc == SC_STALE) {
		/* The waiters find it, and no load is due. */
		sci_flight_complete(flight, 0, NULL, NULL);
	} else {
		struct sc_error why;
		rc = sci_made_error(made, &why);
		if (error)
			*error = why;
		sci_flight_complete(flight, rc, &why, NULL);
	}
	sci_made_close(made, to_free);
	return rc;
}

int sci_lead_to_end(struct sc_cache *cache, struct sci_flight *flight,
	const struct sci_source *source, struct sc_value *value, struct sc_error *error)
{
	struct sci_made made = sci_lead(cache, flight, source, NULL);

	if (made.result == 0)
		made.result = sci_lead_no_value(made.load);
	return sci_made_conclude(cache, flight, &made, value, error);
}

__attribute__((noinline)) int sci_lead_follow(struct sci_flight *flight, struct sc_value *value,
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
