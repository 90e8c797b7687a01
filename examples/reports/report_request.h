/* The event and the failures of a function that answers with reports, so that the examples can show
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

/* A user's name or a param of more bytes than this is not one of ours. */
#define REPORT_REQUEST_TEXT_MAX 200

struct report_request {
	const char *user, *param; /* not empty; valid until report_request_fini() */
	void *event;              /* private */
};

/* Read the event of `inv`: {"user":"alice","param":"2024"}.
 *
 * returns  0; or SC_E_FUNCTION after failing the invocation with Function.BadRequest and what is wrong
 *          with the event: then there is nothing to end.
 * owns     the request: report_request_fini(). */
int report_request_init(struct report_request *request, struct sc_invocation *inv);
void report_request_fini(struct report_request *request);

/* Fail `inv` for what reports_open() or reports_query() said, whether it came straight from them or
 * through a resource, a cache or a memo: Function.NoSuchUser, or Function.ReportsUnavailable.
 *
 * returns  SC_E_FUNCTION, always. */
int report_request_fail(struct sc_invocation *inv, const struct sc_error *error);

#ifdef __cplusplus
}
#endif

#endif
