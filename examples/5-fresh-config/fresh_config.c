/* Technique 5: a configuration that stays fresh behind the answers.
 *
 * What it is. Feature flags come from a slow source. Fetches return what is stored, at once; a
 * value that is older than `refresh_after_ms` is loaded again after the answer was sent, when no
 * caller waits. While the source is down, the last value goes on, for a day.
 *
 * When to use it. When every invocation needs a value that changes now and then, and an old one is
 * better than none: flags, prices, a list of what is blocked.
 *
 * Risks.
 * - Staleness. A value is loaded again only when a fetch has asked for it: after a freeze of an
 *   hour, the first caller gets a value that is an hour old. If that is too old, lower
 *   `stale_while_revalidate_ms`: beyond it the caller waits for the load.
 * - A value that must end. What is revoked must not be served stale: leave the stale times out.
 * - Time after the answer. A refresh is paid for, and a call that comes meanwhile waits or starts
 *   another environment: sc_process_set_refresh_budget_ms().
 * - An outage that nobody sees. Stale values hide it, so report them, as this function does.
 */
#include "flags/flags_source.h"

#include <scopecache/function.h>

#include <stdlib.h>

static struct sc_cache *cache;

static long number_of(const char *variable, long preset)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : preset;
}

static int load_flags(struct sc_load *load, void *context)
{
	char flags[FLAGS_BYTES_MAX];
	struct sc_error error;
	size_t len;

	(void)context;
	int rc = flags_read(flags, &len, &error);
	if (rc == 0)
		return sc_load_set_value(load, flags, len);
	sc_load_set_kind(load, SC_LOAD_TRANSIENT);
	return sc_load_fail(load, rc, "%s", error.message);
}

static int init(void **state, struct sc_error *error)
{
	const long refresh_ms = number_of("FLAGS_REFRESH_MS", 5000);

	(void)state;
	return sc_cache_open(&cache,
		SC_CACHE_OPTIONS(.max_bytes = 64 << 10, .entry_bytes = 1000, .loader = load_flags,
			.refresh_after_ms = refresh_ms, .ttl_ms = 6 * refresh_ms,
			.stale_while_revalidate_ms = 60 * refresh_ms, .stale_if_error_ms = 86400000,
			.retry_after_ms = refresh_ms, .jitter_percent = 20),
		error);
}

static int handle(struct sc_invocation *inv, void *state)
{
	struct sc_value flags;
	struct sc_error error;

	(void)state;
	int rc = sc_cache_fetch(cache, SC_KEY("flags"), &flags, &error);
	if (rc < 0)
		return sc_invocation_fail(inv, "Function.FlagsUnavailable", "%s", error.message);
	sc_invocation_printf(inv, "{\"flags\":%.*s,\"age_ms\":%lld,\"stale\":%s}", (int)flags.len,
		(const char *)flags.data, (long long)flags.age_ms,
		rc == SC_STALE ? "true" : "false");
	sc_value_release(&flags);
	return 0;
}

static void fini(void *state)
{
	(void)state;
	sc_cache_close(cache);
}

SC_LAMBDA_MAIN(init, handle, fini)
