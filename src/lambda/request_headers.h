/* The headers of a request to the platform: to the Runtime API or the Extensions API. */
#ifndef SCI_LAMBDA_REQUEST_HEADERS_H
#define SCI_LAMBDA_REQUEST_HEADERS_H

#include "base/buffer.h"
#include "http/http_address.h"

struct sci_request_header {
	const char *name;
	const char *value; /* NULL: this request does not have the header */
};

/* Append the headers that every request has, and then those in `own`. Returns 0, SC_E_NOMEM, or
 * SC_E_INVAL for a value with control characters. */
int sci_request_headers(struct sci_buffer *head, const struct sci_http_address *address,
	const struct sci_request_header *own, size_t own_count);

#endif
