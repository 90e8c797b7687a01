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
#include <scopecache/function.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLAGS_BYTES_MAX 4096

static struct sc_cache *cache;

static long number_of(const char *variable, long preset)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : preset;
}

/* The source stands for a service: a file, and the time that a request takes. */
static int load_flags(struct sc_load *load, void *context)
{
	const char *path = getenv("FLAGS_FILE");
	char flags[FLAGS_BYTES_MAX];

	(void)context;
	usleep((useconds_t)number_of("FLAGS_DELAY_MS", 200) * 1000);
	FILE *file = fopen(path ? path : "flags.json", "r");
	if (!file) {
		sc_load_set_kind(load, SC_LOAD_TRANSIENT);
		return sc_load_fail(load, -1, "the flags cannot be read: %s", strerror(errno));
	}
	size_t len = fread(flags, 1, sizeof flags, file);
	fclose(file);
	return sc_load_set_value(load, flags, len);
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
