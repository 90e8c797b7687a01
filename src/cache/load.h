/* One load: what a loader is given, and what it gives. */
#ifndef SCI_CACHE_LOAD_H
#define SCI_CACHE_LOAD_H

#include "cache/handle.h"

struct sc_load {
	struct sci_key_parts parts; /* of the key, copied */
	struct sc_key key;          /* made of them */
	struct sci_blob *value;     /* NULL until it is given */
	struct sci_terms terms;
	struct sc_error error; /* what the loader said with sc_load_fail() */
};

#endif
