/* What the caches of a process do at the edges of an invocation, as a runtime's hooks. */
#include "cache/cache_time.h"

#include <scopecache/cache.h>
#include <scopecache/resource.h>

static void invocation_end(int64_t remaining_ms)
{
	(void)remaining_ms;
	sci_cache_time_end();
}

const struct sc_hooks *sc_cache_hooks(void)
{
	static const struct sc_hooks hooks = {
		.size = sizeof hooks,
		.invocation_begin = sci_cache_time_begin,
		.invocation_end = invocation_end,
		.shutdown = sc_resource_close_all,
	};

	return &hooks;
}
