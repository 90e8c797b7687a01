/* The client of the Lambda Runtime API, version 2018-06-01. */
#ifndef SCI_LAMBDA_RUNTIME_API_H
#define SCI_LAMBDA_RUNTIME_API_H

#include "http/http_connection.h"
#include "lambda/event.h"

/* The largest event: the service sends up to 6 MiB, its emulator 100 bytes more. */
#define SCI_EVENT_MAX ((size_t)6 * 1024 * 1024 + 1024)

struct sci_runtime_api {
	struct sci_http_connection connection;
	struct sci_http_interrupt *interrupt;
	struct sci_buffer next_head; /* the request for an event, the same each time */
	struct sci_buffer post_head;
	struct sci_buffer event; /* holds the current event until the next is requested */
	struct sci_buffer reply; /* the answer to a post */
};

/* `api` is all zero. `interrupt` ends the wait for an event. After a failure too, call fini.
 *
 * returns  0; SC_E_INVAL for an address that is none; SC_E_NOMEM. */
int sci_runtime_api_init(struct sci_runtime_api *api, const char *address,
	struct sci_http_interrupt *interrupt, struct sc_error *error);
void sci_runtime_api_fini(struct sci_runtime_api *api);

enum { SCI_EVENT_CAME, SCI_EVENT_WAIT_INTERRUPTED };

/* Wait for the next event; it is valid until the next call. After an error the event has a request
 * id, and perhaps an invocation id and a deadline, when it is known whom an error can be posted
 * for; else its request id is NULL.
 *
 * returns  SCI_EVENT_CAME, SCI_EVENT_WAIT_INTERRUPTED; SC_E_IO, SC_E_PROTOCOL (a status other than
 *          200, an event that cannot be answered), SC_E_TOO_LARGE, SC_E_NOMEM. */
int sci_runtime_api_next(struct sci_runtime_api *api, struct sci_event *event,
	struct sc_error *error);

struct sci_post {
	const char *content_type;
	const char *error_type; /* NULL for a response */
	const void *body;
	size_t len;
	/* Give up at this time, or after a silent second once interrupted; 0: never. */
	int64_t deadline_mono_ms;
};

/* Post a response or, when it has an error type, an error for `event`; or an error of the init
 * phase.
 *
 * returns  0 when it was accepted; SC_E_PROTOCOL with the HTTP status in `error` when it was not;
 *          SC_E_DEADLINE when the other side said nothing in time; SC_E_IO, SC_E_TOO_LARGE,
 *          SC_E_NOMEM. */
int sci_runtime_api_post(struct sci_runtime_api *api, const struct sci_event *event,
	const struct sci_post *post, struct sc_error *error);
int sci_runtime_api_post_init_error(struct sci_runtime_api *api, const struct sci_post *post,
	struct sc_error *error);

#endif
