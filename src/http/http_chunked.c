/* A state machine reads the framing byte by byte; the data of a chunk is moved as a whole.
 *
 * Lines must end with CR LF: where one party accepts a bare LF and another does not, an attacker
 * can hide a request in a chunk (request smuggling). Every line and the sum of the chunks are
 * bounded, so decoding ends whatever the peer sends. */
#include "http/http_chunked.h"

#include "base/error.h"
#include "http/http_bytes.h"

#include <string.h>

static int hex_value(unsigned char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static int malformed(struct sc_error *error)
{
	return sci_error_set(error, SC_E_PROTOCOL, 0, "the chunks of the answer are malformed");
}

static int add_digit(struct sci_http_chunked *chunked, int digit, struct sc_error *error)
{
	if (digit < 0)
		return malformed(error);
	chunked->remaining = chunked->remaining * 16 + (size_t)digit;
	if (chunked->remaining > chunked->budget)
		return sci_error_set(error, SC_E_TOO_LARGE, 0,
			"the body of the answer is too large");
	chunked->state = SCI_CHUNK_SIZE_MORE;
	return 0;
}

/* Skip one byte of an extension or a trailer. */
static int skip_byte(struct sci_http_chunked *chunked, unsigned char byte,
	enum sci_http_chunked_state line, enum sci_http_chunked_state after, struct sc_error *error)
{
	if (byte != '\r' && !sci_http_is_kept(byte))
		return malformed(error);
	chunked->state = byte == '\r' ? after : line;
	return 0;
}

static int expect_byte(struct sci_http_chunked *chunked, unsigned char byte, char expected,
	enum sci_http_chunked_state after, struct sc_error *error)
{
	if (byte != (unsigned char)expected)
		return malformed(error);
	chunked->state = after;
	return 0;
}

/* Expect the LF that completes the size line. */
static int begin_chunk(struct sci_http_chunked *chunked, unsigned char byte, struct sc_error *error)
{
	if (byte != '\n')
		return malformed(error);
	chunked->framing = 0;
	chunked->budget -= chunked->remaining;
	chunked->state = chunked->remaining > 0 ? SCI_CHUNK_DATA : SCI_CHUNK_TRAILER_START;
	return 0;
}

static int after_digits(struct sci_http_chunked *chunked, unsigned char byte,
	struct sc_error *error)
{
	if (byte == '\r' || byte == ';' || byte == ' ' || byte == '\t')
		return skip_byte(chunked, byte, SCI_CHUNK_EXTENSION, SCI_CHUNK_SIZE_LF, error);
	return add_digit(chunked, hex_value(byte), error);
}

static int take_framing(struct sci_http_chunked *chunked, unsigned char byte,
	struct sc_error *error)
{
	switch (chunked->state) {
	case SCI_CHUNK_SIZE:
		return add_digit(chunked, hex_value(byte), error);
	case SCI_CHUNK_SIZE_MORE:
		return after_digits(chunked, byte, error);
	case SCI_CHUNK_EXTENSION:
		return skip_byte(chunked, byte, SCI_CHUNK_EXTENSION, SCI_CHUNK_SIZE_LF, error);
	case SCI_CHUNK_SIZE_LF:
		return begin_chunk(chunked, byte, error);
	case SCI_CHUNK_DATA_CR:
		return expect_byte(chunked, byte, '\r', SCI_CHUNK_DATA_LF, error);
	case SCI_CHUNK_DATA_LF:
		return expect_byte(chunked, byte, '\n', SCI_CHUNK_SIZE, error);
	case SCI_CHUNK_TRAILER_START:
		return skip_byte(chunked, byte, SCI_CHUNK_TRAILER, SCI_CHUNK_END_LF, error);
	case SCI_CHUNK_TRAILER:
		return skip_byte(chunked, byte, SCI_CHUNK_TRAILER, SCI_CHUNK_TRAILER_LF, error);
	case SCI_CHUNK_TRAILER_LF:
		return expect_byte(chunked, byte, '\n', SCI_CHUNK_TRAILER_START, error);
	case SCI_CHUNK_END_LF:
		return expect_byte(chunked, byte, '\n', SCI_CHUNK_DONE, error);
	case SCI_CHUNK_DATA:
	case SCI_CHUNK_DONE:
		break;
	}
	return malformed(error);
}

static int count_framing(struct sci_http_chunked *chunked, struct sc_error *error)
{
	size_t most = chunked->state >= SCI_CHUNK_TRAILER_START ? SCI_HTTP_TRAILERS_MAX
								: SCI_HTTP_CHUNK_LINE_MAX;
	if (++chunked->framing > most)
		return sci_error_set(error, SC_E_TOO_LARGE, 0,
			"the framing of the answer's chunks is too large");
	return 0;
}

static size_t move_data(struct sci_http_chunked *chunked, char *to, const char *from, size_t len)
{
	size_t piece = len < chunked->remaining ? len : chunked->remaining;

	memmove(to, from, piece);
	chunked->remaining -= piece;
	if (chunked->remaining == 0)
		chunked->state = SCI_CHUNK_DATA_CR;
	return piece;
}

int sci_http_chunked_decode(struct sci_http_chunked *chunked, char *to, const char *from,
	size_t len, size_t *made, size_t *taken, struct sc_error *error)
{
	int rc = 0;

	*made = *taken = 0;
	while (*taken < len && rc == 0 && chunked->state != SCI_CHUNK_DONE) {
		if (chunked->state == SCI_CHUNK_DATA) {
			size_t piece = move_data(chunked, to + *made, from + *taken, len - *taken);
			*made += piece;
			*taken += piece;
			continue;
		}
		rc = count_framing(chunked, error);
		if (rc == 0)
			rc = take_framing(chunked, (unsigned char)from[*taken], error);
		*taken += 1;
	}
	return rc < 0 ? rc : chunked->state == SCI_CHUNK_DONE;
}
