/* Begin and end an invocation by the hooks that a runtime calls. */
#ifndef SCT_INVOCATION_EDGES_H
#define SCT_INVOCATION_EDGES_H

#include <scopecache/cache.h>

static inline void sct_invocation_begin(int64_t remaining_ms)
{
	const struct sc_invocation_info info = { .size = sizeof info,
		.remaining_ms = remaining_ms };
	const struct sc_hooks *hooks = sc_cache_hooks();

	hooks->invocation_begin(hooks->context, &info);
}

static inline void sct_invocation_end(int64_t remaining_ms)
{
	const struct sc_invocation_info info = { .size = sizeof info,
		.remaining_ms = remaining_ms };
	const struct sc_hooks *hooks = sc_cache_hooks();

	hooks->invocation_end(hooks->context, &info);
}

#endif
