/* Look up a key and join the flight of its key, under one lock, so that no other thread acts
 * between the two. */
#ifndef SCI_CACHE_JOIN_H
#define SCI_CACHE_JOIN_H

#include "cache/flight.h"
#include "cache/lead.h"

enum sci_join_when {
	SCI_JOIN_TO_LOAD,  /* join if there is nothing that is wanted, else take it */
	SCI_JOIN_TO_UPDATE /* join in any case; as leader, pin a fresh value too */
};

struct sci_joined {
	int result; /* SC_HIT or SC_STALE: a value is pinned; 0; or a failure */
	bool needs_refresh;
	enum sci_flight_role role;
	struct sci_flight *flight; /* NULL: none was joined */
};

/* Sets *value, which must be all zero, when a value is pinned. After a failure, explained in
 * `error` (NULL is allowed), no flight was joined. */
struct sci_joined sci_join(struct sc_cache *cache, struct sc_key key, enum sci_join_when when,
	const struct sci_wanted *wanted, struct sc_value *value, struct sc_error *error);

#endif
