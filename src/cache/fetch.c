/* Fetch: a lookup that loads on a miss, with one load per key at a time (single-flight).
 *
 *   look up ── hit ──> pin the value
 *      │ miss: join the key's flight, under the same lock
 *      ├─ waiter ──> wait ──> the leader's result
 *      └─ leader ──> loader ──> store, unless invalidated ──> complete ──> result
 *
 * A loaded value is in a block on the heap: caller and waiters have it even if it is not stored. */
#include "cache/fetch.h"

#include "cache/join.h"
#include "cache/scope.h"

int sci_fetch(struct sc_cache *cache, struct sc_key key, const struct sci_source *source,
	struct sc_value *value, struct sc_error *error)
{
	int rc;

	do {
		struct sci_joined joined =
			sci_join(cache, key, SCI_JOIN_TO_LOAD, &source->wanted, value, error);
		if (joined.result)
			return joined.result;
		if (joined.role == SCI_FLIGHT_LEADER)
			return sci_lead_to_end(cache, joined.flight, source, value, error);
		rc = sci_lead_follow(cache, joined.flight, &source->wanted, value, error);
	} while (rc == 0);
	return rc;
}

/* Not inline, so that nested loads without a context take no stack for one. */
static __attribute__((noinline)) int fetch_in_context(struct sc_cache *cache, struct sc_key key,
	const struct sci_source *source, struct sc_value *value, struct sc_error *error)
{
	struct sc_context outer;
	int rc;

	sc_context_enter(source->entered, &outer);
	pthread_cleanup_push(sci_context_leave, &outer);
	rc = sci_fetch(cache, key, source, value, error);
	pthread_cleanup_pop(1);
	return rc;
}

int sc_cache_fetch_with(struct sc_cache *cache, struct sc_key key,
	const struct sc_fetch_options *options, struct sc_value *value, struct sc_error *error)
{
	struct sci_source source;

	*value = (struct sc_value){ 0 };
	int rc = sci_source_of(cache, options, &source, error);
	if (rc < 0)
		return rc;
	return source.entered ? fetch_in_context(cache, key, &source, value, error)
			      : sci_fetch(cache, key, &source, value, error);
}

int sc_cache_fetch(struct sc_cache *cache, struct sc_key key, struct sc_value *value,
	struct sc_error *error)
{
	return sc_cache_fetch_with(cache, key, NULL, value, error);
}
