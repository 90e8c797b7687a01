/* Update: compute a new value from the current one, atomically for its key.
 *
 * An update leads a flight of its key as a load does, so no other update or load of the key runs at
 * the same time. A put or an invalidation does not wait for it but invalidates its flight; then the
 * update runs again with the value that is current by then (optimistic concurrency). The user's
 * function runs with no lock held; the new value is stored under the lock of its stripe. */
#include "cache/join.h"
#include "cache/cache_time.h"
#include "cache/handle.h"
#include "cache/lead.h"
#include "cache/lookup.h"

#include "base/error.h"

/* The flight was invalidated: run again. Not a result of the public API. */
#define AGAIN INT32_MAX

/* Store the new value, unless the flight was invalidated. Returns AGAIN, or the result. */
static int change_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_flight *flight, const struct sci_made *made)
{
	const struct sci_name name = sci_flight_name(flight);

	sci_lock_assert_held(&stripe->lock);
	if (sci_flight_is_invalidated(flight))
		return AGAIN;
	sci_made_count_locked(stripe, made);
	if (made->result == SC_LOADED)
		sci_made_store_locked(cache, stripe, &name, made);
	else if (made->result == SC_E_ABSENT)
		stripe->counts.invalidations += sci_shard_remove(stripe->shard, &name);
	return made->result;
}

/* Fill in the caller's value, which is the old one if the function gave none, or `error`. */
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

/* Not in line, so that its locals take no stack while the user's function runs. */
static __attribute__((noinline)) int conclude(struct sc_cache *cache, struct sci_flight *flight,
	struct sci_made *made, struct sc_value *old, struct sc_value *value, struct sc_error *error)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, flight->hash);
	bool is_made = made->result == SC_LOADED;

	/* Unpin the old record first: a pinned record takes space in the region that the new value
	 * may need. A blob takes none. */
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
	struct sci_joined joined = sci_find_or_join(cache, key, SCI_JOIN_TO_UPDATE, &old, error);

	if (joined.result < 0)
		return joined.result;
	if (joined.role == SCI_JOIN_LEADER)
		return lead(cache, joined.flight, source, &old, value, error);
	int rc = sci_flight_wait(joined.flight, sci_invocation_deadline_mono_ms());
	sci_flight_leave(joined.flight);
	return rc < 0 ? sci_error_plain(error, rc) : AGAIN;
}

int sc_cache_update(struct sc_cache *cache, struct sc_key key, sc_load_fn update, void *context,
	struct sc_value *value, struct sc_error *error)
{
	const struct sci_source source = { update, context, NULL };
	struct sc_value ignored;
	int rc;

	if (value)
		*value = (struct sc_value){ 0 };
	if (!update)
		return sci_error_set(error, SC_E_INVAL, 0, "the update has no function");
	do
		rc = update_once(cache, key, &source, value ? value : &ignored, error);
	while (rc == AGAIN);
	if (!value && rc >= 0)
		sc_value_release(&ignored);
	return rc;
}
