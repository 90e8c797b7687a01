/* Each line of the head is parsed as soon as it is complete, so garbage is refused at once and not
 * after a megabyte of it. The parser is strict where two parsers could otherwise read one message
 * differently (request smuggling): lines end with CR LF, no space precedes a colon, and there is
 * one length, one number on one line. It is lenient where real servers need it: names in any case,
 * no reason phrase, HTTP/1.0, bodies that end with the connection. RFC 9110 (section 5.5) and RFC
 * 9112 (sections 2.2 and 5.2) allow or require the rest: in a value NUL and CR become spaces, other
 * control characters stay, and a folded line is joined to the line before it.
 *
 * The result does not depend on how a response is cut into pieces: limits apply to the offset at
 * which a line ends, never to the number of bytes received so far. */
#include "http/http_message.h"

#include "base/error.h"
#include "http/http_bytes.h"

#include <string.h>
#include <strings.h>

static int malformed(struct sc_error *error, const char *what)
{
	return sci_error_set(error, SC_E_PROTOCOL, 0, "the answer is not HTTP: %s", what);
}

static int too_large(struct sc_error *error, const char *what)
{
	return sci_error_set(error, SC_E_TOO_LARGE, 0, "the %s of the answer is too large", what);
}

/* Find the end of the line that begins at line_at, and set *len to its length without CR LF.
 * Returns 1 when the line is complete, 0 when it is not, or an error. `at` moves past the bytes
 * that were searched. */
static int take_line(struct sci_http_response *response, const struct sci_buffer *in, size_t *len,
	struct sc_error *error)
{
	const char *line = in->data + response->line_at;
	const char *newline = memchr(in->data + response->at, '\n', in->len - response->at);

	response->at = newline ? (size_t)(newline - in->data) + 1 : in->len;
	if (response->at > SCI_HTTP_HEAD_MAX || (!newline && response->at == SCI_HTTP_HEAD_MAX))
		return too_large(error, "head");
	if (!newline)
		return 0;
	if (newline == line || newline[-1] != '\r')
		return malformed(error, "a line does not end with CR LF");
	*len = (size_t)(newline - line) - 1;
	return 1;
}

/* HTTP/1.1 200 OK */
static int read_status_line(struct sci_http_response *response, const char *line, size_t len,
	struct sc_error *error)
{
	int status = 0;

	if (len < 12 || line[7] < '0' || line[7] > '9' || line[8] != ' ')
		return malformed(error, "no status line");
	for (size_t i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return malformed(error, "no status");
		status = status * 10 + (line[i] - '0');
	}
	if (status < 100 || status == 101 || (len > 12 && line[12] != ' '))
		return malformed(error, "an unexpected status");
	response->status = status;
	response->is_http10 = line[7] == '0';
	response->has_length = response->has_coding = false;
	response->has_close = response->has_keep_alive = response->may_fold = false;
	response->framing = SCI_HTTP_UNTIL_CLOSE;
	response->length = 0;
	response->part = SCI_HTTP_HEADERS;
	response->headers_at = response->at;
	return 0;
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Split a line at its colon, whose offset is known. */
static void split_header(char *line, size_t len, size_t colon, struct sci_http_header *header)
{
	size_t from = colon + 1, to = len;

	while (from < to && is_space(line[from]))
		from++;
	while (to > from && is_space(line[to - 1]))
		to--;
	*header = (struct sci_http_header){ line, line + from, colon, to - from };
}

bool sci_http_header_is(const struct sci_http_header *header, const char *name)
{
	return strncasecmp(header->name, name, header->name_len) == 0 &&
		name[header->name_len] == '\0';
}

static int read_length(struct sci_http_response *response, const struct sci_http_header *header,
	struct sc_error *error)
{
	size_t length = 0;

	for (size_t i = 0; i < header->value_len; i++) {
		if (header->value[i] < '0' || header->value[i] > '9')
			return malformed(error, "a length that is not a number");
		/* Stop counting beyond the limit: the number must not overflow. */
		if (length <= response->max_body)
			length = length * 10 + (size_t)(header->value[i] - '0');
	}
	if (header->value_len == 0 || (response->has_length && response->length != length))
		return malformed(error, "conflicting lengths");
	response->has_length = true;
	response->length = length;
	return 0;
}

static int read_coding(struct sci_http_response *response, const struct sci_http_header *header,
	struct sc_error *error)
{
	if (response->has_coding || header->value_len != 7 ||
		strncasecmp(header->value, "chunked", 7) != 0)
		return malformed(error, "a transfer coding other than chunked");
	response->has_coding = true;
	return 0;
}

/* The Connection header is a list of options; only close and keep-alive matter here. */
static void read_connection(struct sci_http_response *response,
	const struct sci_http_header *header)
{
	const char *at = header->value, *end = header->value + header->value_len;

	while (at < end) {
		size_t len = 0;
		while (at + len < end && at[len] != ',' && !is_space(at[len]))
			len++;
		if (len == 5 && strncasecmp(at, "close", len) == 0)
			response->has_close = true;
		else if (len == 10 && strncasecmp(at, "keep-alive", len) == 0)
			response->has_keep_alive = true;
		at += len + 1;
	}
}

static void blank(char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (value[i] == '\0' || value[i] == '\r')
			value[i] = ' ';
}

/* A line that begins with a space continues the value of the line before: the CR LF between them
 * becomes spaces. */
static int join_line(const struct sci_http_response *response, char *line, size_t len,
	struct sc_error *error)
{
	if (!response->may_fold)
		return malformed(error, "a misplaced folded line");
	line[-2] = line[-1] = ' ';
	blank(line, len);
	return 0;
}

static int read_header(struct sci_http_response *response, char *line, size_t len,
	struct sc_error *error)
{
	struct sci_http_header header;
	size_t colon = 0;

	while (colon < len && sci_http_is_token((unsigned char)line[colon]))
		colon++;
	if (colon == 0 || colon == len || line[colon] != ':')
		return malformed(error, "a header without a name");
	split_header(line, len, colon, &header);
	response->may_fold = false;
	if (sci_http_header_is(&header, "content-length"))
		return read_length(response, &header, error);
	if (sci_http_header_is(&header, "transfer-encoding"))
		return read_coding(response, &header, error);
	blank(header.value, header.value_len);
	if (sci_http_header_is(&header, "connection"))
		read_connection(response, &header);
	else
		response->may_fold = true;
	return 0;
}

/* What follows the head (RFC 9112, section 6.3). */
static void begin_body(struct sci_http_response *response)
{
	response->part = SCI_HTTP_BODY;
	response->body_at = response->at;
	response->body_len = 0;
	if (response->status == 204 || response->status == 304) {
		response->framing = SCI_HTTP_LENGTH;
		response->length = 0;
	} else if (response->has_coding) {
		response->framing = SCI_HTTP_CHUNKED;
		response->chunked = (struct sci_http_chunked){ .budget = response->max_body };
	} else if (response->has_length) {
		response->framing = SCI_HTTP_LENGTH;
	}
	/* A body without a length ends with its connection, which no other request can use. */
	response->keep_alive = response->framing != SCI_HTTP_UNTIL_CLOSE && !response->has_close &&
		(!response->is_http10 || response->has_keep_alive);
}

/* After the empty line that ends the head. */
static int end_head(struct sci_http_response *response, struct sc_error *error)
{
	if (response->has_coding && (response->has_length || response->is_http10))
		return malformed(error, "chunks that are not allowed here");
	response->headers_len = response->line_at - response->headers_at;
	if (response->status < 200) {
		response->part = SCI_HTTP_STATUS_LINE;
		return 0;
	}
	begin_body(response);
	if (response->framing == SCI_HTTP_LENGTH && response->length > response->max_body)
		return too_large(error, "body");
	return 0;
}

static bool could_be_status_line(const struct sci_http_response *response,
	const struct sci_buffer *in)
{
	size_t have = in->len - response->line_at;

	return memcmp(in->data + response->line_at, "HTTP/1.", have < 7 ? have : 7) == 0;
}

/* Parse one line of the head. Returns 1 when it was parsed, 0 when it is not complete, or an
 * error. */
static int feed_head(struct sci_http_response *response, const struct sci_buffer *in,
	struct sc_error *error)
{
	size_t len = 0;

	if (in->len == response->line_at)
		return 0;
	if (response->part == SCI_HTTP_STATUS_LINE && !could_be_status_line(response, in))
		return malformed(error, "no status line");
	int rc = take_line(response, in, &len, error);
	if (rc <= 0)
		return rc;
	char *line = in->data + response->line_at;
	if (response->part == SCI_HTTP_STATUS_LINE)
		rc = read_status_line(response, line, len, error);
	else if (len > 0 && is_space(line[0]))
		rc = join_line(response, line, len, error);
	else if (len > 0)
		rc = read_header(response, line, len, error);
	else
		rc = end_head(response, error);
	response->line_at = response->at;
	return rc < 0 ? rc : 1;
}

static int complete(struct sci_http_response *response)
{
	response->part = SCI_HTTP_COMPLETE;
	return 1;
}

static int feed_counted(struct sci_http_response *response, const struct sci_buffer *in)
{
	size_t have = in->len - response->body_at;

	response->body_len = have < response->length ? have : response->length;
	response->at = response->body_at + response->body_len;
	return response->body_len == response->length ? complete(response) : 0;
}

static int feed_chunked(struct sci_http_response *response, struct sci_buffer *in,
	struct sc_error *error)
{
	size_t made, taken, end = response->body_at + response->body_len;

	int rc = sci_http_chunked_decode(&response->chunked, in->data + end,
		in->data + response->at, in->len - response->at, &made, &taken, error);
	response->body_len += made;
	response->at += taken;
	if (rc < 0)
		return rc;
	if (rc > 0)
		return complete(response);
	/* Every byte was decoded: append the next bytes where the body ends so far. */
	in->len = response->at = response->body_at + response->body_len;
	return 0;
}

static int feed_until_close(struct sci_http_response *response, const struct sci_buffer *in,
	struct sc_error *error)
{
	response->at = in->len;
	response->body_len = in->len - response->body_at;
	return response->body_len > response->max_body ? too_large(error, "body") : 0;
}

int sci_http_response_feed(struct sci_http_response *response, struct sci_buffer *in,
	struct sc_error *error)
{
	while (response->part < SCI_HTTP_BODY) {
		int rc = feed_head(response, in, error);
		if (rc <= 0)
			return rc;
	}
	if (response->framing == SCI_HTTP_LENGTH)
		return feed_counted(response, in);
	if (response->framing == SCI_HTTP_CHUNKED)
		return feed_chunked(response, in, error);
	return feed_until_close(response, in, error);
}

int sci_http_response_end(struct sci_http_response *response, struct sc_error *error)
{
	if (response->part == SCI_HTTP_BODY && response->framing == SCI_HTTP_UNTIL_CLOSE)
		return complete(response);
	response->is_cut_off = true;
	return sci_error_set(error, SC_E_PROTOCOL, 0,
		"the connection was closed before the answer was complete");
}

size_t sci_http_response_wants(const struct sci_http_response *response,
	const struct sci_buffer *in)
{
	if (response->part != SCI_HTTP_BODY || response->framing != SCI_HTTP_LENGTH)
		return 0;
	return response->length - (in->len - response->body_at);
}

void sci_http_response_salvage(struct sci_http_response *response, const struct sci_buffer *in)
{
	size_t from = response->headers_at, to = from;
	const char *newline;

	if (response->part != SCI_HTTP_HEADERS)
		return;
	while ((newline = memchr(in->data + to, '\n', in->len - to))) {
		size_t len = (size_t)(newline - in->data) - to;
		size_t text_len = len - (len > 0 && newline[-1] == '\r');
		if (text_len == 0)
			break;
		blank(in->data + to, text_len);
		to += len + 1;
	}
	response->headers_len = to - from;
}

/* Each line of a complete head has a colon and a CR; a salvaged head may have lines without. */
bool sci_http_header_next(const struct sci_http_response *response, char *data, size_t *at,
	struct sci_http_header *header)
{
	char *line = data + response->headers_at + *at, *newline;

	while ((newline = memchr(line, '\n', response->headers_len - *at))) {
		size_t len = (size_t)(newline - line);
		const char *colon = memchr(line, ':', len);
		*at += len + 1;
		if (colon) {
			len -= newline[-1] == '\r';
			split_header(line, len, (size_t)(colon - line), header);
			return true;
		}
		line = newline + 1;
	}
	return false;
}
