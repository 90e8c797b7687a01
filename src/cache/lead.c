/* The user's code runs in two places: the loader, and then the user's clock. A cleanup handler is
 * around both, which C++ exceptions, pthread_exit() and cancellation run. It calls no user code
 * before the flight is completed. */
#include "cache/lead.h"

#include "base/clock.h"
#include "base/error.h"
#include "cache/cache_clock.h"
#include "cache/cache_time.h"
#include "cache/handle.h"
#include "cache/bypass.h"
#include "cache/lookup.h"
#include "cache/notes.h"
#include "cache/refusal.h"
#include "cache/tags.h"
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
static int run_loader(struct sc_cache *cache, struct sc_load *load, const struct sci_source *source)
{
	bool is_timed = cache->options.load_time_is_cost || cache->keeps_notes;
	int64_t began_us = is_timed ? sci_mono_us() : 0;
	int rc = sci_source_load(load, source);

	if (is_timed) {
		int64_t took_us = sci_mono_us() - began_us;
		sci_usual_learn(&cache->usual_load_us, took_us);
		if (cache->options.load_time_is_cost && load->terms.cost == 0)
			load->terms.cost = (uint64_t)took_us + 1;
	}
	return sci_lead_judge(load, rc);
}

int sci_lead_judge(struct sc_load *load, int rc)
{
	if (rc >= 0)
		return load->value || load->is_unchanged ? SC_LOADED : 0;
	load->is_unchanged = false;
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

/* Pin the value that a load is to replace. */
static void pin_previous(struct sc_cache *cache, const struct sci_name *name, struct sc_load *load)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, name->hash);
	int64_t now_ms = sci_cache_lookup_ms(cache);
	struct sci_found found;

	sci_stripe_lock(stripe);
	if (!sci_is_bypassed() &&
		sci_stripe_look_locked(stripe, name, now_ms, &found) == SCI_LOOKUP_HIT &&
		sci_notes_kind(&found.notes) == SCI_NOTES_VALUE &&
		sci_cache_pin_locked(cache, stripe, &found, &load->previous) == SC_HIT) {
		sci_value_describe(&load->previous, &found, now_ms);
		sci_validator_read(load->old_validator, &found,
			sci_tags_words(cache->tags, &found));
		load->old = &load->previous;
	}
	sci_stripe_unlock(stripe);
}

/* What it loads was true at this number or later. */
static void set_tag_number(const struct sc_cache *cache, struct sc_load *load)
{
	load->cache = cache;
	load->tags.number = sci_tags_number(cache->tags);
}

void sci_lead_prepare(struct sc_cache *cache, const struct sci_flight *flight,
	const struct sci_wanted *wanted, struct sc_load *load)
{
	const struct sci_name name = sci_flight_name(flight);

	set_tag_number(cache, load);
	load->until_mono_ms = sci_later_ms(flight->began_mono_ms, wanted->timeout_ms);
	if (cache->keeps_notes)
		pin_previous(cache, &name, load);
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
	pthread_cleanup_push(abandon, &leader);
	if (!old)
		sci_lead_prepare(cache, flight, &source->wanted, made.load);
	else
		set_tag_number(cache, made.load);
	if (old && old->holder)
		made.load->old = old;
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

static void release_value(void *value)
{
	sc_value_release(value);
}

void sci_made_close(struct sci_made *made, struct sci_object_link *to_free)
{
	struct sci_blob *given = made->load ? made->load->value : NULL;
	struct sc_value previous = { 0 };

	if (made->load)
		previous = made->load->previous;
	sci_load_close(made->load);
	made->load = NULL;
	pthread_cleanup_push(release, given);
	pthread_cleanup_push(release_value, &previous);
	sci_blob_release_list(to_free);
	pthread_cleanup_pop(1);
	pthread_cleanup_pop(1);
}

/* The loader says that the value is still right: if it is still there, it is renewed. */
static void renew_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_made *made)
{
	struct sc_load *load = made->load;
	const struct sci_terms terms = sci_cache_terms(cache, load->terms);
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	if (sci_stripe_look_locked(stripe, name, made->now_ms, &found) != SCI_LOOKUP_HIT ||
		sci_notes_generation(&found.notes) != load->previous.generation)
		return;
	stripe->counts.unchanged++;
	if (sci_cache_renew_locked(cache, stripe, name, &found, &terms, made->now_ms))
		sci_value_describe(&load->previous, &found, made->now_ms);
	else
		sci_shard_remove(stripe->shard, name);
}

/* What the caller gets of a load that found the value unchanged. */
static struct sc_value take_previous(struct sc_load *load)
{
	struct sc_value value = load->previous;

	load->previous = (struct sc_value){ 0 };
	return value;
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

/* A pin would be in the way of the new value; an object is not. */
static void unpin_previous(const struct sci_made *made)
{
	if (made->load && !sci_value_is_blob(&made->load->previous))
		sc_value_release(&made->load->previous);
}

/* Not inline, so that it takes no stack while the loader runs. */
__attribute__((noinline)) int sci_made_conclude(struct sc_cache *cache, struct sci_flight *flight,
	struct sci_made *made, struct sc_value *value, struct sc_error *error)
{
	const struct sci_name name = sci_flight_name(flight);
	struct sci_stripe *stripe = sci_cache_stripe(cache, name.hash);
	struct sci_blob *blob = made->result == SC_LOADED ? made->load->value : NULL;
	bool is_unchanged = made->result == SC_LOADED && !blob;
	int rc = made->result;

	if (!is_unchanged)
		unpin_previous(made);
	sci_stripe_lock(stripe);
	bool is_dead = sci_made_is_dead(cache, made);
	bool is_current = !sci_flight_close(flight) && !is_dead;
	if (blob && is_current && cache->keeps_notes &&
		sci_is_refused_locked(cache, stripe, &name, made->load, made->now_ms)) {
		made->result = rc = SC_E_REFUSED;
		blob = NULL;
	}
	sci_made_count_locked(stripe, made);
	if (is_current) {
		if (blob)
			sci_made_store_locked(cache, stripe, &name, made);
		else if (is_unchanged)
			renew_locked(cache, stripe, &name, made);
		else
			rc = failed_locked(cache, stripe, &name, made, value);
	}
	struct sci_object_link *to_free = sci_stripe_leave(stripe);
	if (blob) {
		*value = sci_value_of_blob(sci_blob_acquire(blob));
		/* Waiters that came after a tag's invalidation look again. */
		sci_flight_complete(flight, is_dead ? 0 : rc, NULL, is_dead ? NULL : blob);
	} else if (rc > 0) {
		if (is_unchanged)
			*value = take_previous(made->load);
		/* The waiters find it, and no load is due. */
		sci_flight_complete(flight, 0, NULL, NULL);
	} else {
		struct sc_error why;
		rc = sci_made_error(made, &why);
		if (error)
			*error = why;
		sci_flight_complete(flight, is_dead ? 0 : rc, &why, NULL);
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

/* Also if the user's clock does not return. */
static void leave(void *flight)
{
	sci_flight_leave(flight);
}

/* The load takes too long for this caller. */
static int give_up(struct sc_cache *cache, const struct sci_flight *flight, bool is_timeout,
	struct sc_value *value, struct sc_error *error)
{
	const struct sci_name name = sci_flight_name(flight);
	struct sci_stripe *stripe = sci_cache_stripe(cache, name.hash);
	int64_t now_ms = sci_cache_lookup_ms(cache);

	sci_stripe_lock(stripe);
	int rc = sci_freshness_instead_locked(cache, stripe, &name, SC_E_DEADLINE, now_ms, value);
	stripe->counts.load_timeouts += is_timeout;
	sci_stripe_unlock(stripe);
	if (rc < 0 && is_timeout)
		return sci_error_set(error, rc, 0,
			"the load, on another thread, takes longer than load_timeout_ms");
	return rc < 0 ? sci_error_plain(error, rc) : rc;
}

__attribute__((noinline)) int sci_lead_follow(struct sc_cache *cache, struct sci_flight *flight,
	const struct sci_wanted *wanted, struct sc_value *value, struct sc_error *error)
{
	int64_t deadline_ms = sci_invocation_deadline_mono_ms();
	int64_t timeout_ms = sci_later_ms(flight->began_mono_ms, wanted->timeout_ms);
	bool is_timeout = timeout_ms < deadline_ms;
	int rc = sci_flight_wait(flight, is_timeout ? timeout_ms : deadline_ms);

	if (rc == SC_E_DEADLINE) {
		pthread_cleanup_push(leave, flight);
		rc = give_up(cache, flight, is_timeout, value, error);
		pthread_cleanup_pop(0);
	} else if (rc < 0) {
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
