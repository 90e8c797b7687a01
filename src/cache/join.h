/* Look a key up and join the flight of its key, atomically: both under one lock. */
#ifndef SCI_CACHE_JOIN_H
#define SCI_CACHE_JOIN_H

#include "cache/flight.h"
#include "cache/handle.h"

enum sci_join_when {
	SCI_JOIN_TO_LOAD,  /* pin the value; join only when there is none */
	SCI_JOIN_TO_UPDATE /* always join; the leader also pins the value */
};

struct sci_joined {
	int result; /* SC_HIT: a value is pinned; 0: none is; or a failure */
	enum sci_join role;
	struct sci_flight *flight; /* NULL: no flight was joined */
};

/* *value must be all zero; it is set when a value is pinned. After a failure no flight was joined,
 * and `error` (which may be NULL) says why. */
struct sci_joined sci_find_or_join(struct sc_cache *cache, struct sc_key key,
	enum sci_join_when when, struct sc_value *value, struct sc_error *error);

#endif
