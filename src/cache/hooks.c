/* The hooks that tell the caches of a process where an invocation begins and ends. */
#include "cache/cache_time.h"
#include "cache/refresh.h"
#include "cache/scope.h"
#include "cache/secrets.h"
#include "cache/upkeep.h"

#include <scopecache/cache.h>
#include <scopecache/resource.h>

#include <pthread.h>
#include <stddef.h>

static void invocation_begin(void *context, const struct sc_invocation_info *info)
{
	bool has_remaining = info->size >=
		offsetof(struct sc_invocation_info, remaining_ms) + sizeof info->remaining_ms;

	(void)context;
	bool has_tenant = info->size >=
		offsetof(struct sc_invocation_info, tenant_id) + sizeof info->tenant_id;
	sci_cache_time_begin(has_remaining ? info->remaining_ms : SC_NO_DEADLINE);
	sci_scope_begin(has_tenant ? info->tenant_id : NULL);
}

static void end_invocation(void *none)
{
	(void)none;
	sci_cache_time_end();
	sci_scope_end();
}

static void expire_secrets(void *none)
{
	(void)none;
	sci_secrets_expire();
}

/* The caller has its answer. Secrets expire also if a refresh does not return. */
static void invocation_end(void *context, const struct sc_invocation_info *info)
{
	(void)context;
	(void)info;
	pthread_cleanup_push(end_invocation, NULL);
	pthread_cleanup_push(expire_secrets, NULL);
	sci_refresh_after_answer();
	sci_sweep_after_answer();
	pthread_cleanup_pop(1);
	pthread_cleanup_pop(1);
}

static void shutdown(void *context)
{
	(void)context;
	sc_resource_close_all();
	sci_blob_release_list(sci_secrets_clear());
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
