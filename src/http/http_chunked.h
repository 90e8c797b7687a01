/* The chunked transfer coding (RFC 9112, section 7.1), decoded as its bytes come in. */
#ifndef SCI_HTTP_CHUNKED_H
#define SCI_HTTP_CHUNKED_H

#include <scopecache/error.h>

/* The most bytes of a chunk's size line, extensions included, and of all trailers together. */
#define SCI_HTTP_CHUNK_LINE_MAX ((size_t)4096)
#define SCI_HTTP_TRAILERS_MAX   ((size_t)64 * 1024)

enum sci_http_chunked_state {
	SCI_CHUNK_SIZE,
	SCI_CHUNK_SIZE_MORE,
	SCI_CHUNK_EXTENSION,
	SCI_CHUNK_SIZE_LF,
	SCI_CHUNK_DATA,
	SCI_CHUNK_DATA_CR,
	SCI_CHUNK_DATA_LF,
	SCI_CHUNK_TRAILER_START,
	SCI_CHUNK_TRAILER,
	SCI_CHUNK_TRAILER_LF,
	SCI_CHUNK_END_LF,
	SCI_CHUNK_DONE,
};

/* Start with { .budget = the most bytes that the body may have, below 2^59 }. */
struct sci_http_chunked {
	size_t budget;    /* bytes that later chunks may still have */
	size_t remaining; /* bytes of the current chunk still to come */
	size_t framing;   /* bytes of the current size line, or of the trailers */
	enum sci_http_chunked_state state;
};

/* Decode the `len` bytes at `from` to `to`, which may lie in the same memory, at or before `from`.
 * *made is how many bytes were written; *taken how many were read: all, unless the body ends
 * sooner. Trailers are read and dropped.
 *
 * returns  1 when the body is complete, 0 when more must follow; SC_E_PROTOCOL, SC_E_TOO_LARGE. */
int sci_http_chunked_decode(struct sci_http_chunked *chunked, char *to, const char *from,
	size_t len, size_t *made, size_t *taken, struct sc_error *error);

#endif
