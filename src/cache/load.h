/* One load: the loader's input and output. */
#ifndef SCI_CACHE_LOAD_H
#define SCI_CACHE_LOAD_H

#include "cache/handle.h"

#include "cache/store.h"

/* On the heap, so that loaders that load other keys use little stack. */
struct sc_load {
	struct sci_key_parts parts; /* a copy of the key's parts */
	struct sc_key key;          /* refers to `parts` */
	const struct sc_value *old; /* the current value, for an update; NULL: none */
	struct sci_blob *value;     /* NULL until the loader gives one */
	struct sci_terms terms;
	struct sc_error error; /* from sc_load_fail() */
	bool has_failed;       /* sc_load_fail() was called, and no value given since */
	int failed_with;       /* the code of that call */
};

/* A load for this key, which is copied; NULL when out of memory. */
struct sc_load *sci_load_open(const struct sci_name *name);

/* Free the load, but not its value. */
void sci_load_close(struct sc_load *load);

#endif
