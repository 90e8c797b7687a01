/* The first step of a fetch and of an update: look a key up, and join the flight of its key.
 *
 * Lookup and join are one critical section of the stripe's lock. The lock of the flights is taken
 * inside it. The encoded key is freed before any wait or load: the flight has a copy, and a loader
 * that loads other keys should find little on the stack. */
#include "cache/join.h"

#include "cache/cache_clock.h"
#include "cache/handle.h"
#include "cache/lookup.h"
#include "base/error.h"

/* Returns true when this thread is the leader. */
static bool join_locked(struct sc_cache *cache, const struct sci_name *name,
	struct sci_joined *joined)
{
	joined->role = sci_flight_join(cache, name, &joined->flight);
	if (joined->role == SCI_JOIN_NOMEM)
		joined->result = SC_E_NOMEM;
	return joined->role == SCI_JOIN_LEADER;
}

static void look_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, enum sci_join_when when, int64_t now_ms,
	struct sci_joined *joined, struct sc_value *value)
{
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	if (when == SCI_JOIN_TO_UPDATE && !join_locked(cache, name, joined))
		return;
	if (sci_stripe_find_locked(stripe, name, now_ms, &found)) {
		joined->result = sci_cache_pin_locked(cache, stripe, &found, value);
	} else if (when == SCI_JOIN_TO_LOAD) {
		join_locked(cache, name, joined);
		stripe->counts.load_waits += joined->role == SCI_JOIN_WAITER;
	}
}

static void leave_flight(const struct sci_joined *joined)
{
	if (joined->flight && joined->role == SCI_JOIN_LEADER)
		sci_flight_complete(joined->flight, 0, NULL, NULL);
	else if (joined->flight)
		sci_flight_leave(joined->flight);
}

struct outcome {
	struct sci_joined *joined;
	struct sc_value *value;
};

/* A free function did not return, so the caller never gets the pin and the flight. */
static void undo(void *arg)
{
	const struct outcome *outcome = arg;

	sc_value_release(outcome->value);
	leave_flight(outcome->joined);
}

static __attribute__((noinline)) void release(struct sci_object_link *to_free,
	struct sci_joined *joined, struct sc_value *value)
{
	struct outcome outcome = { joined, value };

	pthread_cleanup_push(undo, &outcome);
	sci_blob_release_list(to_free);
	pthread_cleanup_pop(0);
}

struct sci_joined sci_find_or_join(struct sc_cache *cache, struct sc_key key,
	enum sci_join_when when, struct sc_value *value, struct sc_error *error)
{
	struct sci_joined joined = { .result = 0 };
	int64_t now_ms = sci_cache_lookup_ms(cache);
	struct sci_lookup_key lookup;

	joined.result = sci_cache_key(cache, key, &lookup);
	if (joined.result < 0) {
		sci_error_set(error, joined.result, 0, "the key cannot be used: %s",
			sc_result_text(joined.result));
		return joined;
	}
	struct sci_stripe *stripe = sci_cache_stripe(cache, lookup.name.hash);
	sci_stripe_lock(stripe);
	look_locked(cache, stripe, &lookup.name, when, now_ms, &joined, value);
	struct sci_object_link *to_free = sci_stripe_leave(stripe);
	sci_key_fini(&lookup);
	if (to_free)
		release(to_free, &joined, value);
	if (joined.result < 0) {
		leave_flight(&joined);
		sci_error_plain(error, joined.result);
	}
	return joined;
}
