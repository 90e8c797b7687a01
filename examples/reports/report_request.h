/* The event and the failures of a function that answers with reports, so that the examples show
 * their technique and little else.
 *
 *	struct report_request request;
 *	int rc = report_request_init(&request, inv);
 *	if (rc < 0)
 *		return rc;
 *	...
 *	report_request_fini(&request);
 */
#ifndef REPORT_REQUEST_H
#define REPORT_REQUEST_H

#include <scopecache/lambda.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The longest name of a user or param, in bytes. */
#define REPORT_REQUEST_TEXT_MAX 200

struct report_request {
	const char *user, *param; /* not empty; valid until report_request_fini() */
	void *event;              /* private */
};

/* Read the event of `inv`: {"user":"alice","param":"2024"}.
 *
 * returns  0; or SC_E_FUNCTION after failing the invocation with Function.BadRequest and a message:
 *          then the request needs no report_request_fini().
 * owns     the request: report_request_fini(). */
int report_request_init(struct report_request *request, struct sc_invocation *inv);
void report_request_fini(struct report_request *request);

/* Fail `inv` for a failure of reports_open() or reports_query(), which may have come through a
 * resource, a cache or a memo: Function.NoSuchUser, or Function.ReportsUnavailable.
 *
 * returns  always SC_E_FUNCTION. */
int report_request_fail(struct sc_invocation *inv, const struct sc_error *error);

#ifdef __cplusplus
}
#endif

#endif
