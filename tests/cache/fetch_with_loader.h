/* A fetch with its own loader, in one call. */
#ifndef SCT_FETCH_WITH_LOADER_H
#define SCT_FETCH_WITH_LOADER_H

#include <scopecache/cache.h>

static inline int sct_fetch(struct sc_cache *cache, struct sc_key key, sc_load_fn loader,
	void *context, struct sc_value *value, struct sc_error *error)
{
	return sc_cache_fetch_with(cache, key,
		SC_FETCH_OPTIONS(.loader = loader, .loader_context = context), value, error);
}

#endif
