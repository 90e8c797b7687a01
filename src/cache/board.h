/* Looking a key up and boarding the flight of its key, under one lock: so nothing that another thread
 * does lies between the two. */
#ifndef SCI_CACHE_BOARD_H
#define SCI_CACHE_BOARD_H

#include "cache/flight.h"
#include "cache/handle.h"

enum sci_board_when {
	SCI_BOARD_TO_LOAD,  /* board when there is no value; otherwise pin it */
	SCI_BOARD_TO_UPDATE /* board in any case; when the flight is one's own, pin the value too */
};

struct sci_boarded {
	int result; /* SC_HIT: there is a value, and it is pinned; 0; or a failure */
	enum sci_boarding boarding;
	struct sci_flight *flight; /* NULL: none was boarded */
};

/* Sets *value, which is all zero, where a value is pinned. After a failure, with `error` (which may be
 * NULL) saying why, nothing was boarded. */
struct sci_boarded sci_board(struct sc_cache *cache, struct sc_key key, enum sci_board_when when,
	struct sc_value *value, struct sc_error *error);

#endif
