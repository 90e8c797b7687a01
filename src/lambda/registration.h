/* The runtime as an internal extension, by the Lambda Extensions API, version 2020-01-01. */
#ifndef SCI_LAMBDA_REGISTRATION_H
#define SCI_LAMBDA_REGISTRATION_H

#include "base/buffer.h"
#include "http/http_connection.h"

#include <stdbool.h>

/* Start with { .connection.fd = -1 }. */
struct sci_registration {
	struct sci_http_connection connection; /* carries the request that is never answered */
	struct sci_buffer head, in;            /* empty, except while it opens */
};

enum { SCI_REGISTERED, SCI_REGISTRATION_INTERRUPTED };

/* Register an extension of this name for no events, and say that it is ready. To be called before
 * the first request for an invocation. `interrupt` ends the wait for the answer.
 *
 * returns  SCI_REGISTERED, SCI_REGISTRATION_INTERRUPTED; SC_E_INVAL for a name that cannot be sent;
 *          SC_E_PROTOCOL when it was refused; SC_E_DEADLINE, SC_E_IO, SC_E_TOO_LARGE, SC_E_NOMEM.
 * blocks   for a few seconds at most; not to be cancelled meanwhile. */
int sci_registration_open(struct sci_registration *registration,
	const struct sci_http_address *address, const char *name,
	struct sci_http_interrupt *interrupt, struct sc_error *error);

/* True when the platform has ended the extension's wait for events. To be asked once it has sent an
 * invocation: it has then read the request of the extension. */
bool sci_registration_was_refused(const struct sci_registration *registration);

void sci_registration_close(struct sci_registration *registration);

#endif
