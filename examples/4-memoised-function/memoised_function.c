/* Technique 4: a memoised function.
 *
 * What it is. fetch_data() remembers its answers: calling it again with the same arguments finds what
 * it said before. In Python it is
 *	@lru_cache(maxsize=128)
 *	def fetch_data(user, my_param): ...
 * and here it is the declaration of `fetch_data_memo`, and a call through it. When 128 answers are
 * kept, the one that was not asked for the longest time goes. Nothing else changes.
 *
 * When to use it. When an answer depends on the arguments and on nothing else, and never changes while
 * an environment lives: reports of closed years, parsed configuration, something computed. It is the
 * shortest of the four to write; sc_memo_read_info() says how well it does.
 *
 * What to beware of.
 * - Staleness. Like lru_cache, a memo without `.ttl_ms` keeps an answer until it is pushed out or the
 *   environment ends, which may be hours. Give it a `.ttl_ms` when the answer can change; sc_memo_invalidate()
 *   and sc_memo_clear() reach this environment only.
 * - Keys that leak. The arguments are the key. An answer that also depends on who asks, and is not
 *   told, is given to everybody: pass the user, as here, though the database could do without.
 * - Memory. `max_entries` counts answers, not bytes: 128 large ones are large. `.max_bytes` bounds both.
 * - Concurrent invocations. Each environment remembers for itself, and a new one remembers nothing: a
 *   memo saves work, it does not share it, and no answer may depend on its having been asked before.
 *   Within a process, callers with the same arguments wait for the one that calls the function; with
 *   threads of your own, calls with different arguments need a connection each.
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
