/* Technique 2: a class-level holder.
 *
 * What it is. The state of a function is one struct, made by init and passed to every invocation,
 * instead of several global variables. In Python it is a class whose attributes outlive the calls
 * of its handler. Here it is `struct reports`, which owns a connection with a prepared statement.
 * Each invocation still queries the database: this saves the open, and answers are always fresh.
 *
 * When to use it. When things belong together (a configuration, the connection that it describes, a
 * statement prepared on it); when answers must be fresh; when tests make the state more than once.
 *
 * Risks.
 * - Init. A failed init ends the environment, and Lambda starts it again and again. Fail in init
 *   only for what a retry cannot repair (a missing setting); leave failures that may pass (a
 *   database that is down) to the invocations. Opening in init is still useful, because Lambda may
 *   start environments before an invocation needs them: this init tries to open, and the first
 *   invocation reports a failure.
 * - Concurrent invocations. Each runs in an environment of its own, with its own holder, and this
 *   runtime runs one invocation at a time in an environment. Threads need a connection each, or a
 *   lock.
 * - Staleness. An open connection still reads the old file after a new file has replaced it, and a
 *   connection that failed may never work again. Call sc_resource_report_broken() in both cases.
 * - Memory. The holder lives for hours and serves thousands of users. Data that an invocation adds
 *   to it stays, and the next user's invocation can read it. Add nothing to it.
 */
#include "reports/report_request.h"
#include "reports/reports.h"

#include <scopecache/function.h>

#include <stdlib.h>
#include <string.h>

struct reports {
	char *path;            /* from the environment */
	struct sc_resource db; /* opened with it */
};

static int reports_init(void **state, struct sc_error *error)
{
	char *path = getenv("REPORTS_DB");
	struct sc_held connection;

	if (!path)
		return upstream_fail(error, SC_E_INVAL, "REPORTS_DB is not set");
	struct reports *reports = malloc(sizeof *reports);
	if (!reports)
		return upstream_fail(error, SC_E_NOMEM, "out of memory");
	reports->path = path;
	sc_resource_init(&reports->db, reports_open, reports_close, reports->path);
	if (sc_resource_acquire(&reports->db, &connection, NULL) >= 0)
		sc_resource_release(&reports->db, &connection);
	*state = reports;
	return 0;
}

static int reports_handle(struct sc_invocation *inv, void *state)
{
	struct reports *reports = state;
	struct report_request request;
	struct sc_error error;
	char *report = NULL;
	struct sc_held connection;

	if (report_request_init(&request, inv) < 0)
		return SC_E_FUNCTION;
	int rc = sc_resource_acquire(&reports->db, &connection, &error); /* open since init */
	if (rc >= 0) {
		rc = reports_query(connection.instance, request.user, request.param,
			sc_invocation_remaining_ms(inv), &report, &error);
		if (rc == SC_E_IO)
			sc_resource_report_broken(&reports->db, &connection);
		sc_resource_release(&reports->db, &connection);
	}
	if (rc == 0)
		rc = sc_invocation_answer(inv, report, strlen(report), NULL);
	else
		rc = report_request_fail(inv, &error);
	free(report);
	report_request_fini(&request);
	return rc;
}

static void reports_fini(void *state)
{
	struct reports *reports = state;

	sc_resource_fini(&reports->db);
	free(reports);
}

SC_LAMBDA_MAIN(reports_init, reports_handle, reports_fini)
