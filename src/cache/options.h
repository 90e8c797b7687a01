/* Reading the options of a cache. */
#ifndef SCI_CACHE_OPTIONS_H
#define SCI_CACHE_OPTIONS_H

#include <scopecache/cache.h>

/* Check options and fill in the defaults. Returns 0, or SC_E_INVAL; `error` says what is wrong. */
int sci_cache_options_read(struct sc_cache_options *out, const struct sc_cache_options *options,
	struct sc_error *error);

#endif
