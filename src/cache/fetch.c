/* Fetch: a lookup that loads what it does not find, one loader for a key at a time.
 *
 *	look up ── hit ──> pin it
 *	   │ miss: board the key's flight, under the same lock
 *	   ├─ theirs ──> wait ──> their result
 *	   └─ mine ──> loader ──> store, unless overtaken ──> land ──> my result
 *
 * The value that a load gives lives in a blob of its own, so that the caller and those who wait have it
 * whatever the cache makes of it. */
#include "cache/fetch.h"

#include "cache/board.h"

static int lead(struct sc_cache *cache, struct sci_flight *flight, const struct sci_source *source,
	struct sc_value *value, struct sc_error *error)
{
	struct sci_made made = sci_lead(cache, flight, source, NULL);

	if (made.result == 0)
		made.result = sci_lead_no_value(made.load);
	return sci_made_conclude(cache, flight, &made, value, error);
}

int sci_fetch(struct sc_cache *cache, struct sc_key key, const struct sci_source *source,
	struct sc_value *value, struct sc_error *error)
{
	int rc;

	do {
		struct sci_boarded boarded = sci_board(cache, key, SCI_BOARD_TO_LOAD, value, error);
		if (boarded.result)
			return boarded.result;
		if (boarded.boarding == SCI_FLIGHT_MINE)
			return lead(cache, boarded.flight, source, value, error);
		rc = sci_lead_follow(boarded.flight, value, error);
	} while (rc == 0);
	return rc;
}

int sc_cache_fetch_with(struct sc_cache *cache, struct sc_key key,
	const struct sc_fetch_options *options, struct sc_value *value, struct sc_error *error)
{
	struct sci_source source;

	*value = (struct sc_value){ 0 };
	int rc = sci_source_of(cache, options, &source, error);
	return rc < 0 ? rc : sci_fetch(cache, key, &source, value, error);
}

int sc_cache_fetch(struct sc_cache *cache, struct sc_key key, struct sc_value *value,
	struct sc_error *error)
{
	return sc_cache_fetch_with(cache, key, NULL, value, error);
}
