/* The encoded key is freed before the thread waits or loads: the flight has a copy, and a nested
 * load should find little on the stack. */
#include "cache/join.h"

#include "cache/cache_clock.h"
#include "cache/handle.h"
#include "cache/lookup.h"
#include "cache/refresh_queue.h"
#include "base/error.h"

/* Returns whether this thread leads the flight. */
static bool join_locked(struct sc_cache *cache, const struct sci_name *name,
	struct sci_joined *joined, struct sc_error *error)
{
	joined->role = sci_flight_join(cache, name, cache->options.secret, &joined->flight);
	if (joined->role == SCI_FLIGHT_NOMEM)
		joined->result = sci_error_plain(error, SC_E_NOMEM);
	return joined->role == SCI_FLIGHT_LEADER;
}

static void load_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_wanted *wanted, int64_t now_ms,
	struct sci_joined *joined, struct sc_value *value, struct sc_error *error)
{
	sci_lock_assert_held(&stripe->lock);
	struct sci_answer answer =
		sci_answer_locked(cache, stripe, name, wanted, now_ms, value, error);
	joined->result = answer.result;
	joined->needs_refresh = answer.needs_refresh;
	if (joined->result)
		return;
	join_locked(cache, name, joined, error);
	stripe->counts.load_waits += joined->role == SCI_FLIGHT_WAITER;
}

static void update_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, int64_t now_ms, struct sci_joined *joined,
	struct sc_value *value, struct sc_error *error)
{
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	if (!join_locked(cache, name, joined, error) ||
		!sci_stripe_find_locked(stripe, name, now_ms, &found))
		return;
	joined->result = sci_cache_pin_locked(cache, stripe, &found, value);
	if (joined->result < 0)
		sci_error_plain(error, joined->result);
}

static void leave_flight(const struct sci_joined *joined)
{
	if (joined->flight && joined->role == SCI_FLIGHT_LEADER)
		sci_flight_complete(joined->flight, 0, NULL, NULL);
	else if (joined->flight)
		sci_flight_leave(joined->flight);
}

struct outcome {
	struct sci_joined *joined;
	struct sc_value *value;
};

/* The user's code did not return: leave the flight. */
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

struct sci_joined sci_join(struct sc_cache *cache, struct sc_key key, enum sci_join_when when,
	const struct sci_wanted *wanted, struct sc_value *value, struct sc_error *error)
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
	if (when == SCI_JOIN_TO_LOAD)
		load_locked(cache, stripe, &lookup.name, wanted, now_ms, &joined, value, error);
	else
		update_locked(cache, stripe, &lookup.name, now_ms, &joined, value, error);
	struct sci_object_link *to_free = sci_stripe_leave(stripe);
	if (joined.needs_refresh)
		sci_refresh_request(cache, &lookup.name);
	sci_key_fini(&lookup);
	if (to_free)
		release(to_free, &joined, value);
	if (joined.result < 0)
		leave_flight(&joined);
	return joined;
}
