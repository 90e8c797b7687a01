/* Nothing kept: a report without a technique.
 *
 * Every invocation opens the database, prepares its statement, runs it once and frees everything.
 * This is correct, and the baseline for techniques 2, 3 and 4, which answer the same events with
 * the same bytes.
 */
#include "reports/report_request.h"
#include "reports/reports.h"

#include <scopecache/function.h>

#include <stdlib.h>
#include <string.h>

static int handle(struct sc_invocation *inv, void *state)
{
	struct report_request request;
	struct sc_error error;
	char *report = NULL;
	void *connection;

	(void)state;
	if (report_request_init(&request, inv) < 0)
		return SC_E_FUNCTION;
	int rc = reports_open(NULL, &connection, &error);
	if (rc == 0) {
		rc = reports_query(connection, request.user, request.param,
			sc_invocation_remaining_ms(inv), &report, &error);
		reports_close(connection);
	}
	if (rc == 0)
		rc = sc_invocation_answer(inv, report, strlen(report), NULL);
	else
		rc = report_request_fail(inv, &error);
	free(report);
	report_request_fini(&request);
	return rc;
}

SC_LAMBDA_MAIN(NULL, handle, NULL)
