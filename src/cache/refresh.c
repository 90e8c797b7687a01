/* A refresh is a load that its leader's thread runs when it is taken out of the queue. */
#include "cache/refresh.h"

#include "base/clock.h"
#include "cache/cache_clock.h"
#include "cache/cache_time.h"
#include "cache/lead.h"
#include "cache/notes.h"
#include "cache/refresh_queue.h"
#include "cache/scope.h"

#include <scopecache/process.h>

/* After an answer the process is paid for, and it is not there for the next caller. */
#define BUDGET_MS 500

static atomic_uint_fast64_t budget_ms = BUDGET_MS;

/* Lead the flight of an entry that still has to be refreshed, if no thread does. */
static struct sci_flight *lead(struct sc_cache *cache, const struct sci_name *name)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, name->hash);
	int64_t now_ms = sci_cache_lookup_ms(cache);
	struct sci_flight *flight = NULL;
	struct sci_found found;

	sci_stripe_lock(stripe);
	bool is_due = !sci_name_is_dead(name) &&
		sci_stripe_look_locked(stripe, name, now_ms, &found) == SCI_LOOKUP_HIT &&
		sci_found_is_due(cache, &found, now_ms);
	if (is_due) {
		enum sci_flight_role role =
			sci_flight_join(cache, name, cache->options.secret, &flight);
		if (role == SCI_FLIGHT_WAITER)
			sci_flight_leave(flight);
		if (role != SCI_FLIGHT_LEADER)
			flight = NULL;
	}
	stripe->counts.refreshes += flight != NULL;
	sci_stripe_unlock(stripe);
	return flight;
}

struct attempt {
	struct sci_refresh *refresh;
	struct sci_background work;
	struct sc_value value;
	uint64_t scope; /* of this thread */
};

static void run(struct attempt *attempt)
{
	struct sc_cache *cache = attempt->refresh->cache;
	const struct sci_name name = sci_refresh_name(attempt->refresh);
	struct sci_flight *flight = lead(cache, &name);
	struct sci_source source;

	if (!flight)
		return;
	sci_scope_exchange(sci_key_scope(name.key, name.len));
	sci_source_of(cache, NULL, &source, NULL);
	int64_t began_us = sci_mono_us();
	sci_lead_to_end(cache, flight, &source, &attempt->value, NULL);
	sci_usual_learn(&cache->usual_refresh_us, sci_mono_us() - began_us);
}

/* Also if the loader does not return. Freeing an object runs the user's code, so it comes last. */
static void end_attempt(void *arg)
{
	struct attempt *attempt = arg;

	sci_scope_exchange(attempt->scope);
	sci_background_end(&attempt->work);
	sci_refresh_destroy(attempt->refresh);
	sc_value_release(&attempt->value);
}

bool sci_refresh_run(int64_t until_mono_ms)
{
	struct attempt attempt;

	while ((attempt.refresh =
			sci_refresh_begin(until_mono_ms - sci_mono_ms(), &attempt.work))) {
		attempt.value = (struct sc_value){ 0 };
		attempt.scope = sci_scope_of_thread();
		pthread_cleanup_push(end_attempt, &attempt);
		run(&attempt);
		pthread_cleanup_pop(1);
	}
	return sci_refresh_expect_less();
}

void sci_refresh_after_answer(void)
{
	int64_t budget = (int64_t)atomic_load(&budget_ms), until_ms;

	if (budget == 0 || !sci_refresh_is_any())
		return;
	int64_t deadline_ms = sci_invocation_deadline_mono_ms();
	if (__builtin_add_overflow(sci_mono_ms(), budget, &until_ms))
		until_ms = INT64_MAX;
	sci_refresh_run(until_ms < deadline_ms ? until_ms : deadline_ms);
}

void sc_process_set_refresh_budget_ms(uint64_t wanted_ms)
{
	atomic_store(&budget_ms, wanted_ms < INT64_MAX ? wanted_ms : INT64_MAX);
}
