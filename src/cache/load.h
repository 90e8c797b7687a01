/* One load: what a loader is given, and what it gives. */
#ifndef SCI_CACHE_LOAD_H
#define SCI_CACHE_LOAD_H

#include "cache/blob.h"
#include "cache/key_bytes.h"

#include <scopecache/cache.h>

struct sc_load {
	struct sci_key_parts key;
	struct sci_blob *value; /* NULL until it is given */
	uint64_t ttl_ms;
	bool store;
	struct sc_error error; /* what the loader said with sc_load_fail() */
};

#endif
