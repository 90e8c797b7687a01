/* Technique 2: a class-level holder.
 *
 * What it is. The state of a function is one struct, made by init and handed to every invocation, in
 * place of a handful of global variables. In Python it is a class whose attributes outlive its
 * handler calls; here it is `struct reports`, and it owns a connection with its question compiled.
 * Each invocation still asks the database: what is saved is the opening, and answers are never old.
 *
 * When to use it. When things belong together (a configuration, the connection it describes, what was
 * prepared on it); when answers must be fresh; when tests want to make the state twice.
 *
 * What to beware of.
 * - Init. What fails here ends the environment, and Lambda starts it again, and again: fail for what
 *   no retry mends (a setting that is missing), and leave to the invocations what may be back in a
 *   second (a database). Opening in init is worth it all the same, since Lambda may start environments
 *   before anybody waits for them: here it is tried, and a failure is left to the first invocation.
 * - Concurrent invocations. They run in environments of their own, each with its holder, and in one
 *   environment this runtime runs one at a time. Threads would need a connection each, or a lock.
 * - Staleness. An open connection goes on reading the file it opened, not the one that is put in its
 *   place; and one that has failed may never work again. sc_resource_report_broken() is for both.
 * - Memory. The holder lives for hours and for thousands of users: what one invocation adds to it,
 *   nobody takes away, and the next invocation, somebody else's, can read it. Add nothing to it.
 */
#include "reports/report_request.h"
#include "reports/reports.h"

#include <scopecache/function.h>

#include <stdlib.h>
#include <string.h>

struct reports {
	char *path;            /* what the environment says */
	struct sc_resource db; /* opened there */
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
