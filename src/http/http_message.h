/* An incremental parser of HTTP/1.x responses (RFC 9112), which works in the buffer that a response
 * is received into. It does no I/O and allocates nothing. Its results are offsets into the buffer,
 * so the buffer may move while it grows. */
#ifndef SCI_HTTP_MESSAGE_H
#define SCI_HTTP_MESSAGE_H

#include "base/buffer.h"
#include "http/http_chunked.h"

#include <stdbool.h>

/* The most bytes of status line and headers, those of preceding 1xx responses included. */
#define SCI_HTTP_HEAD_MAX ((size_t)1024 * 1024)

enum sci_http_part { SCI_HTTP_STATUS_LINE, SCI_HTTP_HEADERS, SCI_HTTP_BODY, SCI_HTTP_COMPLETE };
enum sci_http_framing { SCI_HTTP_UNTIL_CLOSE, SCI_HTTP_LENGTH, SCI_HTTP_CHUNKED };

/* One response. Start with { .max_body = the most bytes that its body may have } and an empty
 * buffer. */
struct sci_http_response {
	size_t max_body;

	/* Valid as soon as `part` is SCI_HTTP_BODY. */
	int status;
	bool keep_alive; /* the connection may be used for another request */
	size_t headers_at, headers_len;

	/* Valid when `part` is SCI_HTTP_COMPLETE. What the buffer holds from `at` on is not part of
	 * the response. */
	size_t body_at, body_len;
	size_t at;

	enum sci_http_part part;
	enum sci_http_framing framing;
	bool is_http10, has_length, has_coding, has_close, has_keep_alive;
	bool may_fold;   /* the last header may continue on a folded line */
	bool is_cut_off; /* the connection ended early; all bytes before that were valid */
	size_t line_at, length;
	struct sci_http_chunked chunked;
};

/* Parse the bytes that were appended to `in` since the last call. Chunks are decoded in place, and
 * the buffer is shortened by their framing.
 *
 * returns  1 when the response is complete, 0 when more bytes must follow; SC_E_PROTOCOL when it is
 *          malformed, SC_E_TOO_LARGE when it exceeds a limit. After an error, do not call it
 *          again. */
int sci_http_response_feed(struct sci_http_response *response, struct sci_buffer *in,
	struct sc_error *error);

/* The other side has closed the connection: 1 when that completes the response,
 * else SC_E_PROTOCOL. */
int sci_http_response_end(struct sci_http_response *response, struct sc_error *error);

/* How many bytes of a body of known length are still missing; 0 when the length is unknown. */
size_t sci_http_response_wants(const struct sci_http_response *response,
	const struct sci_buffer *in);

/* A header: its name, and its value without the white space around it. A byte that is not part of
 * either follows each, and may be overwritten. */
struct sci_http_header {
	char *name, *value;
	size_t name_len, value_len;
};

/* After an error in the head, whose bytes are in `in`: let sci_http_header_next() step through the
 * received lines that look like headers. They serve only to find out whom the response was for.
 * Does nothing when the head was complete, or had not begun. */
void sci_http_response_salvage(struct sci_http_response *response, const struct sci_buffer *in);

/* Step through the headers of a response whose head is complete, whose bytes are `data`: start with
 * *at = 0. False after the last one. */
bool sci_http_header_next(const struct sci_http_response *response, char *data, size_t *at,
	struct sci_http_header *header);

/* Whether that is the header's name, whatever the case of its letters. */
bool sci_http_header_is(const struct sci_http_header *header, const char *name);

#endif
