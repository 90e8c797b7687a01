/* Reading the options of a cache: check them, and fill in defaults. */
#ifndef SCI_CACHE_OPTIONS_H
#define SCI_CACHE_OPTIONS_H

#include <scopecache/cache.h>

/* The time between two loads where one is needed and no retry_after_ms is set: while a stale value
 * is returned because loads fail, every fetch would begin another. */
#define SCI_RETRY_AFTER_MS 1000

/* Check options and fill in defaults. Returns 0, or SC_E_INVAL with `error` set. */
int sci_cache_options_read(struct sc_cache_options *out, const struct sc_cache_options *options,
	struct sc_error *error);

#endif
