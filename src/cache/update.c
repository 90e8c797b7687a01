/* Update: a new value from the old one, atomic for its key. It leads a flight of its key as a load
 * does, so no other update or load of the key runs beside it. A put or an invalidation does not wait
 * for it but overtakes it, and then it begins anew with what there is by then. */
#include "cache/board.h"
#include "cache/cache_time.h"
#include "cache/handle.h"
#include "cache/lead.h"
#include "cache/lookup.h"

#include "base/error.h"

/* The key was changed meanwhile: no result of the public API. */
#define AGAIN INT32_MAX

/* Make the change, unless it was overtaken. Returns AGAIN, or how the update ended. */
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

/* What the caller gets. The old value is the new one where none was given. */
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

/* Not in line, so that it takes nothing of the stack that the function runs on. */
static __attribute__((noinline)) int conclude(struct sc_cache *cache, struct sci_flight *flight,
	struct sci_made *made, struct sc_value *old, struct sc_value *value, struct sc_error *error)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, flight->hash);
	bool is_made = made->result == SC_LOADED;

	/* The old value must not be in the way of the new one. An object is not: it lies elsewhere. */
	if (is_made && !sci_value_is_blob(old))
		sc_value_release(old);
	sci_stripe_lock(stripe);
	int rc = change_locked(cache, stripe, flight, made);
	struct sci_object_link *to_free = sci_stripe_leave(stripe);
	if (rc != AGAIN)
		rc = give(made, old, value, error);
	sci_flight_land(flight, rc == SC_LOADED ? rc : 0, NULL, is_made ? made->load->value : NULL);
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
	struct sci_boarded boarded = sci_board(cache, key, SCI_BOARD_TO_UPDATE, &old, error);

	if (boarded.result < 0)
		return boarded.result;
	if (boarded.boarding == SCI_FLIGHT_MINE)
		return lead(cache, boarded.flight, source, &old, value, error);
	int rc = sci_flight_wait(boarded.flight, sci_invocation_deadline_mono_ms());
	sci_flight_leave(boarded.flight);
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
