/* Technique 3: an explicit cache.
 *
 * What it is. Answers are stored under a key: sc_cache_fetch() finds the answer, or calls
 * fetch_data() and stores its result. In Python it is a global dict and
 *	if key not in cache: cache[key] = fetch_data(user, my_param)
 * which grows until the function is killed, is never refreshed, and with the key
 * f"{user}-{my_param}" confuses ("a-b", "c") with ("a", "b-c"). This cache has a bound in bytes, a
 * time to live, and keys of typed parts.
 *
 * When to use it. When the same requests come again, and an answer may be `ttl_ms` old.
 *
 * Risks.
 * - Incomplete keys. The key must contain everything that the answer depends on: without the user
 *   in the key, the next user gets this one's report. A loader cannot use anything else, because it
 *   gets the key and nothing else of the event. (Here the event names the user; a real function
 *   takes the user from what was authenticated, such as sc_invocation_identity().)
 * - Staleness. An answer may be up to `ttl_ms` old: choose the longest time that is acceptable.
 *   sc_cache_invalidate() after a write works in this environment only; in the others the entry
 *   expires.
 * - Memory. The cache uses at most `max_bytes`: leave enough memory for the work.
 * - Concurrent invocations. Each environment has its own cache, and queries the database once for
 *   each key: the more environments, the lower the hit ratio. In a process with threads, the
 *   loaders of two keys may run at once; this connection is for one thread at a time (this runtime
 *   has one).
 * - Cold environments. A new environment begins with an empty cache, and must be correct and fast
 *   enough without it.
 */
#include "reports/report_request.h"
#include "reports/reports.h"

#include <scopecache/function.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sc_resource db = SC_RESOURCE_INIT(reports_open, reports_close, NULL);
static struct sc_cache *cache;

/* The loader: it runs when the key is missing or expired. A failure is not stored. */
static int fetch_data(struct sc_load *load, void *context)
{
	const char *user = sc_load_text(load, 0), *my_param = sc_load_text(load, 1);
	struct sc_error error;
	char *report = NULL;
	struct sc_held connection;

	(void)context;
	int rc = sc_resource_acquire(&db, &connection, &error);
	if (rc >= 0) {
		rc = reports_query(connection.instance, user, my_param, sc_load_remaining_ms(load),
			&report, &error);
		if (rc == SC_E_IO)
			sc_resource_report_broken(&db, &connection);
		sc_resource_release(&db, &connection);
	}
	if (rc < 0)
		return sc_load_fail(load, rc, "%s", error.message);
	rc = sc_load_set_value(load, report, strlen(report));
	free(report);
	return rc;
}

static int init(void **state, struct sc_error *error)
{
	(void)state;
	return sc_cache_open(&cache,
		SC_CACHE_OPTIONS(.max_bytes = 4 << 20, .ttl_ms = 60000, .loader = fetch_data),
		error);
}

static int handle(struct sc_invocation *inv, void *state)
{
	struct report_request request;
	struct sc_value value;
	struct sc_error error;

	(void)state;
	if (report_request_init(&request, inv) < 0)
		return SC_E_FUNCTION;
	int rc = sc_cache_fetch(cache, SC_KEY(request.user, request.param), &value, &error);
	if (rc >= 0)
		rc = sc_invocation_answer(inv, value.data, value.len, NULL);
	else
		rc = report_request_fail(inv, &error);
	sc_value_release(&value);
	report_request_fini(&request);
	return rc;
}

/* Runs at an orderly end, which Lambda grants only to functions with an extension: set
 * SCOPECACHE_EXTENSION there. */
static void fini(void *state)
{
	struct sc_cache_stats stats = { .size = sizeof stats };

	(void)state;
	if (sc_cache_read_stats(cache, &stats) == 0)
		fprintf(stderr,
			"explicit_cache: %" PRIu64 " hits, %" PRIu64 " misses, %" PRIu64
			" entries\n",
			stats.hits, stats.misses, stats.entries);
	sc_cache_close(cache);
}

SC_LAMBDA_MAIN(init, handle, fini)
