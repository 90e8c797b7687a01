/* Technique 4: a memoised function.
 *
 * What it is. The results of fetch_data() are stored by its arguments: a second call with the same
 * arguments returns the stored result. In Python it is
 *	@lru_cache(maxsize=128)
 *	def fetch_data(user, my_param): ...
 * and here it is the declaration of `fetch_data_memo`, and a call through it. With 128 results
 * stored, the least recently used one is evicted.
 *
 * When to use it. When a result depends on the arguments only, and does not change while an
 * environment lives: reports of past years, parsed configuration, computed values. It is the
 * shortest of the four techniques; sc_memo_read_info() returns its hits and misses.
 *
 * Risks.
 * - Staleness. Like lru_cache, a memo without `.ttl_ms` keeps a result until it is evicted or the
 *   environment ends, perhaps for hours. Set `.ttl_ms` if the result can change;
 *   sc_memo_invalidate() and sc_memo_clear() work in this environment only.
 * - Incomplete keys. The arguments are the key. A result that depends on the user must have the
 *   user as an argument, as here, or every user gets the first one's result.
 * - Memory. `max_entries` counts results, not bytes. `.max_bytes` bounds both. - Concurrent
 *   invocations. Each environment has its own memo, and a new one is empty: do not depend on a
 *   stored result. In a process with threads, callers with the same arguments wait for the one that
 *   runs the function; calls with different arguments need a connection each.
 */
#include "reports/report_request.h"
#include "reports/reports.h"

#include <scopecache/function.h>

#include <stdlib.h>
#include <string.h>

static struct sc_resource db = SC_RESOURCE_INIT(reports_open, reports_close, NULL);

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

SC_MEMO(fetch_data_memo, fetch_data, NULL, .max_entries = 128);

static int handle(struct sc_invocation *inv, void *state)
{
	struct report_request request;
	struct sc_value value;
	struct sc_error error;

	(void)state;
	if (report_request_init(&request, inv) < 0)
		return SC_E_FUNCTION;
	int rc =
		sc_memo_call(&fetch_data_memo, SC_KEY(request.user, request.param), &value, &error);
	if (rc >= 0)
		rc = sc_invocation_answer(inv, value.data, value.len, NULL);
	else
		rc = report_request_fail(inv, &error);
	sc_value_release(&value);
	report_request_fini(&request);
	return rc;
}

SC_LAMBDA_MAIN(NULL, handle, NULL)
