/* Update: computes a value from the old one, atomically for its key. It leads a flight like a
 * load, so no other update or load of the key runs meanwhile. A put or an invalidation does not
 * wait for it but invalidates it, and then it starts over with the new value. */
#include "cache/join.h"
#include "cache/cache_time.h"
#include "cache/handle.h"
#include "cache/lead.h"
#include "cache/lookup.h"

#include "base/error.h"

/* The key was changed meanwhile: not a result of the public API. */
#define AGAIN INT32_MAX

/* Store the new value, unless the flight was invalidated. Returns AGAIN, or the result of the
 * update. */
static int change_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	struct sci_flight *flight, const struct sci_made *made)
{
	const struct sci_name name = sci_flight_name(flight);

	sci_lock_assert_held(&stripe->lock);
	if (sci_flight_close(flight) || sci_made_is_dead(cache, made))
		return AGAIN;
	sci_made_count_locked(stripe, made);
	if (made->result == SC_LOADED)
		sci_made_store_locked(cache, stripe, &name, made);
	else if (made->result == SC_E_ABSENT)
		stripe->counts.invalidations += sci_shard_remove(stripe->shard, &name);
	return made->result;
}

/* Set what the caller gets. The old value is also the new one if none was set. */
static int give(const struct sci_made *made, struct sc_value *old, struct sc_value *value,
	struct sc_error *error)
{
	if (made->result == SC_LOADED) {
		*value = sci_value_of_blob(sci_blob_acquire(made->load->value));
		return SC_LOADED;
	}
	if (made->result < 0)
		return sci_made_error(made, error);
	if (!old->holder)
		return sci_error_plain(error, SC_E_ABSENT);
	*value = *old;
	*old = (struct sc_value){ 0 };
	return SC_HIT;
}

static void release(void *value)
{
	sc_value_release(value);
}

/* Not inline, so that it takes no stack while the function runs. */
static __attribute__((noinline)) int conclude(struct sc_cache *cache, struct sci_flight *flight,
	struct sci_made *made, struct sc_value *old, struct sc_value *value, struct sc_error *error)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, flight->hash);
	bool is_made = made->result == SC_LOADED;

	/* A pinned old value would be in the way of the new one; an object is not. */
	if (is_made && !sci_value_is_blob(old))
		sc_value_release(old);
	sci_stripe_lock(stripe);
	int rc = change_locked(cache, stripe, flight, made);
	struct sci_object_link *to_free = sci_stripe_leave(stripe);
	if (rc != AGAIN)
		rc = give(made, old, value, error);
	sci_flight_complete(flight, rc == SC_LOADED ? rc : 0, NULL,
		is_made ? made->load->value : NULL);
	pthread_cleanup_push(release, old);
	sci_made_close(made, to_free);
	pthread_cleanup_pop(1);
	return rc;
}

static int lead(struct sc_cache *cache, struct sci_flight *flight, const struct sci_source *source,
	struct sc_value *old, struct sc_value *value, struct sc_error *error)
{
	struct sci_made made = sci_lead(cache, flight, source, old);

	return conclude(cache, flight, &made, old, value, error);
}

static int update_once(struct sc_cache *cache, struct sc_key key, const struct sci_source *source,
	struct sc_value *value, struct sc_error *error)
{
	struct sc_value old = { 0 };
	struct sci_joined joined = sci_join(cache, key, SCI_JOIN_TO_UPDATE, NULL, &old, error);

	if (joined.result < 0)
		return joined.result;
	if (joined.role == SCI_FLIGHT_LEADER)
		return lead(cache, joined.flight, source, &old, value, error);
	int rc = sci_flight_wait(joined.flight, sci_invocation_deadline_mono_ms());
	sci_flight_leave(joined.flight);
	return rc < 0 ? sci_error_plain(error, rc) : AGAIN;
}

int sc_cache_update(struct sc_cache *cache, struct sc_key key, sc_load_fn update, void *context,
	struct sc_value *value, struct sc_error *error)
{
	const struct sci_source source = { .loader = update, .context = context };
	struct sc_value made = { 0 };
	int rc;

	if (value)
		*value = made;
	if (!update)
		return sci_error_set(error, SC_E_INVAL, 0, "the update has no function");
	pthread_cleanup_push(release, &made);
	do
		rc = update_once(cache, key, &source, &made, error);
	while (rc == AGAIN);
	if (value) {
		*value = made;
		made = (struct sc_value){ 0 };
	}
	pthread_cleanup_pop(1);
	return rc;
}
