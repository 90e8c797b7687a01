/* The head of an HTTP/1.1 request, written into a buffer. Control characters, which could begin
 * another header or another request, are refused and not replaced. */
#ifndef SCI_HTTP_REQUEST_H
#define SCI_HTTP_REQUEST_H

#include "base/buffer.h"

/* Each appends to `out` and returns 0, SC_E_NOMEM, or SC_E_INVAL for a refused text; after an error
 * `out` has its former length. Call first the line, whose path is formatted as by printf, then the
 * headers, then the end. */
int sci_http_request_line(struct sci_buffer *out, const char *method, const char *path, ...)
	__attribute__((format(printf, 3, 4)));
int sci_http_request_header(struct sci_buffer *out, const char *name, const char *value);
int sci_http_request_length(struct sci_buffer *out, size_t body_len);
int sci_http_request_end(struct sci_buffer *out);

#endif
