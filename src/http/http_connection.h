/* One connection to an HTTP server, kept between requests, and opened again when it is lost. */
#ifndef SCI_HTTP_CONNECTION_H
#define SCI_HTTP_CONNECTION_H

#include "base/buffer.h"
#include "http/http_address.h"
#include "http/http_interrupt.h"
#include "http/http_message.h"

#include <stdint.h>

/* Start with { .address = ..., .fd = -1 }: it connects when it is first needed. */
struct sci_http_connection {
	struct sci_http_address address;
	int fd; /* -1: not connected */
};

struct sci_http_request {
	const struct sci_buffer *head; /* with its Content-Length, if there is a body */
	const void *body;
	size_t body_len;
	size_t max_answer; /* the most bytes that the body of the answer may have */
	struct sci_http_interrupt *interrupt; /* may end the wait for the answer; may be NULL */

	/* When to stop waiting for a silent server; 0: never. */
	int64_t deadline_mono_ms;
	/* When this is raised, one second of silence ends the wait. May be NULL. */
	const struct sci_http_interrupt *hurry;
};

enum { SCI_HTTP_ANSWERED, SCI_HTTP_INTERRUPTED };

/* Send the request and receive the answer into `in`, which is emptied first; a NUL that is not
 * counted follows the body. Head and body leave in one system call, and an answer that arrives in
 * one piece is received in one.
 *
 * When the connection ends without a byte of an answer, mostly because the server has closed an
 * idle connection, the request is sent once more on a new connection. So every request must be
 * idempotent.
 *
 * returns  SCI_HTTP_ANSWERED with the answer in `response`, whatever its status;
 *          SCI_HTTP_INTERRUPTED; SC_E_IO, SC_E_PROTOCOL, SC_E_DEADLINE, SC_E_TOO_LARGE, SC_E_NOMEM,
 *          and then the connection is closed.
 * blocks   until the answer is complete, or up to a second after the deadline or the interrupt.
 *          Connecting is limited to a second for each address. */
int sci_http_connection_exchange(struct sci_http_connection *connection,
	const struct sci_http_request *request, struct sci_buffer *in,
	struct sci_http_response *response, struct sc_error *error);

/* Send a request whose answer is not waited for: the server may never answer. It is sent on a new
 * connection, which stays open, because the other one may have been closed with its last answer.
 * Only the head, the body and the deadline of the request count.
 *
 * returns  0; SC_E_IO or SC_E_DEADLINE, and then the connection is closed.
 * blocks   until the kernel has the request. */
int sci_http_connection_send(struct sci_http_connection *connection,
	const struct sci_http_request *request, struct sc_error *error);

/* After sci_http_connection_send(): true when the server has answered or closed the connection.
 * Does not block. */
bool sci_http_connection_has_answer(const struct sci_http_connection *connection);

void sci_http_connection_close(struct sci_http_connection *connection);

#endif
