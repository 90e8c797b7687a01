/* One load: what a loader is given, and what it gives. */
#ifndef SCI_CACHE_LOAD_H
#define SCI_CACHE_LOAD_H

#include "cache/handle.h"

#include "cache/store.h"
/* On the heap, so that loaders that load something else are not deep in the stack. */
struct sc_load {
	struct sci_key_parts parts; /* of the key, copied */
	struct sc_key key;          /* made of them */
	const struct sc_value *old; /* what an update begins with; NULL: nothing */
	struct sci_blob *value;     /* NULL until it is given */
	struct sci_terms terms;
	struct sc_error error; /* what the loader said with sc_load_fail() */
	bool has_failed;       /* it did, and has given no value since */
	int failed_with;       /* the code that it said */
};

/* A load for this key, which is copied; NULL when memory is out. */
struct sc_load *sci_load_open(const struct sci_name *name);

/* Free it, but for its value. */
void sci_load_close(struct sc_load *load);

#endif
