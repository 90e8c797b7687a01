/* The key that is encoded here is given back before anything is waited for or loaded: the flight has its
 * own, and a loader that loads something else should find little on the stack. */
#include "cache/board.h"

#include "cache/cache_clock.h"
#include "cache/handle.h"
#include "cache/lookup.h"
#include "base/error.h"

/* Returns true when the flight is this thread's own. */
static bool board_locked(struct sc_cache *cache, const struct sci_name *name,
	struct sci_boarded *boarded)
{
	boarded->boarding = sci_flight_board(cache, name, &boarded->flight);
	if (boarded->boarding == SCI_FLIGHT_NOMEM)
		boarded->result = SC_E_NOMEM;
	return boarded->boarding == SCI_FLIGHT_MINE;
}

static void look_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, enum sci_board_when when, int64_t now_ms,
	struct sci_boarded *boarded, struct sc_value *value)
{
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	if (when == SCI_BOARD_TO_UPDATE && !board_locked(cache, name, boarded))
		return;
	if (sci_stripe_find_locked(stripe, name, now_ms, &found)) {
		boarded->result = sci_cache_pin_locked(cache, stripe, &found, value);
	} else if (when == SCI_BOARD_TO_LOAD) {
		board_locked(cache, name, boarded);
		stripe->counts.load_waits += boarded->boarding == SCI_FLIGHT_THEIRS;
	}
}

static void leave_flight(const struct sci_boarded *boarded)
{
	if (boarded->flight && boarded->boarding == SCI_FLIGHT_MINE)
		sci_flight_land(boarded->flight, 0, NULL, NULL);
	else if (boarded->flight)
		sci_flight_leave(boarded->flight);
}

struct outcome {
	struct sci_boarded *boarded;
	struct sc_value *value;
};

/* The user's code did not come back, and so nobody will know what was boarded. */
static void undo(void *arg)
{
	const struct outcome *outcome = arg;

	sc_value_release(outcome->value);
	leave_flight(outcome->boarded);
}

static __attribute__((noinline)) void release(struct sci_object_link *to_free,
	struct sci_boarded *boarded, struct sc_value *value)
{
	struct outcome outcome = { boarded, value };

	pthread_cleanup_push(undo, &outcome);
	sci_blob_release_list(to_free);
	pthread_cleanup_pop(0);
}

struct sci_boarded sci_board(struct sc_cache *cache, struct sc_key key, enum sci_board_when when,
	struct sc_value *value, struct sc_error *error)
{
	struct sci_boarded boarded = { .result = 0 };
	int64_t now_ms = sci_cache_lookup_ms(cache);
	struct sci_lookup_key lookup;

	boarded.result = sci_cache_key(cache, key, &lookup);
	if (boarded.result < 0) {
		sci_error_set(error, boarded.result, 0, "the key cannot be used: %s",
			sc_result_text(boarded.result));
		return boarded;
	}
	struct sci_stripe *stripe = sci_cache_stripe(cache, lookup.name.hash);
	sci_stripe_lock(stripe);
	look_locked(cache, stripe, &lookup.name, when, now_ms, &boarded, value);
	struct sci_object_link *to_free = sci_stripe_leave(stripe);
	sci_key_fini(&lookup);
	if (to_free)
		release(to_free, &boarded, value);
	if (boarded.result < 0) {
		leave_flight(&boarded);
		sci_error_plain(error, boarded.result);
	}
	return boarded;
}
