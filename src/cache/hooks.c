/* The hooks that tell the caches of a process where an invocation begins and ends. */
#include "cache/cache_time.h"

#include <scopecache/cache.h>
#include <scopecache/resource.h>

static void invocation_begin(void *context, const struct sc_invocation_info *info)
{
	bool has_remaining = info->size >=
		offsetof(struct sc_invocation_info, remaining_ms) + sizeof info->remaining_ms;

	(void)context;
	sci_cache_time_begin(has_remaining ? info->remaining_ms : SC_NO_DEADLINE);
}

static void invocation_end(void *context, const struct sc_invocation_info *info)
{
	(void)context;
	(void)info;
	sci_cache_time_end();
}

static void shutdown(void *context)
{
	(void)context;
	sc_resource_close_all();
}

const struct sc_hooks *sc_cache_hooks(void)
{
	static const struct sc_hooks hooks = {
		.size = sizeof hooks,
		.invocation_begin = invocation_begin,
		.invocation_end = invocation_end,
		.shutdown = shutdown,
	};

	return &hooks;
}
