/* Well-formed and malformed responses. Each is parsed in one piece, byte by byte, and cut in two at
 * every offset, and the result must be the same. */
#include "support/cmocka.h"

#include "http/http_bytes.h"
#include "http/http_message.h"

#include <stdio.h>
#include <string.h>

#define MAX_BODY 64

enum { GOES_ON = 0, COMPLETE = 1, PROTOCOL = SC_E_PROTOCOL, TOO_LARGE = SC_E_TOO_LARGE };

struct message {
	const char *bytes;
	int rc;
	int status;
	bool keep_alive;
	const char *body;
	const char *left; /* the bytes in the buffer after the response */
};

#define OK      "HTTP/1.1 200 OK\r\n"
#define END     "\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static const struct message good[] = {
	{ OK "Content-Length: 5\r\n\r\nhello", COMPLETE, 200, true, "hello", "" },
	{ OK "content-LENGTH:\t 5 \t\r\n\r\nhello", COMPLETE, 200, true, "hello", "" },
	{ OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", COMPLETE, 200, true, "hello",
		"" },
	{ OK "Content-Length: 0\r\n\r\n", COMPLETE, 200, true, "", "" },
	{ OK "Content-Length: 2\r\n\r\nhello", COMPLETE, 200, true, "he", "llo" },
	{ "HTTP/1.1 202\r\nContent-Length: 0\r\n\r\n", COMPLETE, 202, true, "", "" },
	{ "HTTP/1.1 202 \r\nContent-Length: 0\r\n\r\n", COMPLETE, 202, true, "", "" },
	{ "HTTP/1.7 599 N\xC3\xA9\r\nX:\r\nContent-Length: 0\r\n\r\n", COMPLETE, 599, true, "",
		"" },
	{ OK "Content-Length: 1\r\nConnection: close\r\n\r\na", COMPLETE, 200, false, "a", "" },
	{ OK "Content-Length: 1\r\nConnection: x, Close\r\nConnection: keep-alive\r\n\r\na",
		COMPLETE, 200, false, "a", "" },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", COMPLETE, 200, false, "a", "" },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\na", COMPLETE, 200,
		true, "a", "" },
	{ "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\na", COMPLETE, 200, true, "a",
		"" },
	{ "HTTP/1.1 103 Hints\r\nContent-Length: 9\r\nConnection: close\r\n\r\n" OK
	  "Content-Length: 1\r\n\r\na",
		COMPLETE, 200, true, "a", "" },
	{ "HTTP/1.1 204 No Content\r\n\r\n", COMPLETE, 204, true, "", "" },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", COMPLETE, 204, true, "", "" },
	{ "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", COMPLETE, 304, true,
		"", "" },
	{ CHUNKED "0\r\n\r\n", COMPLETE, 200, true, "", "" },
	{ CHUNKED "5\r\nhello\r\n0\r\n\r\n", COMPLETE, 200, true, "hello", "" },
	{ CHUNKED "2\r\nhe\r\n003\r\nllo\r\n00\r\n\r\nmore", COMPLETE, 200, true, "hello", "more" },
	{ CHUNKED "A;name=value\r\n0123456789\r\n1 \r\na\r\n1\t;x=\"y\"\r\nb\r\n0;last\r\n\r\n",
		COMPLETE, 200, true, "0123456789ab", "" },
	{ CHUNKED "1\r\na\r\n0\r\nTrailer: one\r\nOther:\r\n\r\n", COMPLETE, 200, true, "a", "" },
	{ OK "Transfer-Encoding:  ChunKed \r\nConnection: close\r\n\r\n1\r\n\r\r\n0\r\n\r\n",
		COMPLETE, 200, false, "\r", "" },
	/* The reason phrase may contain any text. */
	{ "HTTP/1.1 200 O\rK\r\nX: a\rb\r\nContent-Length: 1\r\n\r\na", COMPLETE, 200, true, "a",
		"" },
	{ OK "X: a\r\n b\r\n\tc\r\n \r\nContent-Length: 1\r\n\r\na", COMPLETE, 200, true, "a", "" },
	/* Control characters are kept. */
	{ "HTTP/1.1 200 O\x01K\r\nX: a\x7F \x1B[0m\r\nContent-Length: 1\r\n\r\na", COMPLETE, 200,
		true, "a", "" },
};

static const struct message bad[] = {
	/* The status line. */
	{ .bytes = "hello", PROTOCOL },
	{ .bytes = "HTTP/2.0 200 OK\r\n", PROTOCOL },
	{ .bytes = "http/1.1 200 OK\r\n", PROTOCOL },
	{ .bytes = "\r\n" OK, PROTOCOL },
	{ .bytes = "HTTP/1.1\r\n", PROTOCOL },
	{ .bytes = "HTTP/1.x 200 OK\r\n", PROTOCOL },
	{ .bytes = "HTTP/1.1  200 OK\r\n", PROTOCOL },
	{ .bytes = "HTTP/1.1 20 OK\r\n", PROTOCOL },
	{ .bytes = "HTTP/1.1 2000 OK\r\n", PROTOCOL },
	{ .bytes = "HTTP/1.1 2x0 OK\r\n", PROTOCOL },
	{ .bytes = "HTTP/1.1 099 OK\r\n", PROTOCOL },
	{ .bytes = "HTTP/1.1 101 Switching Protocols\r\n", PROTOCOL },
	{ .bytes = "HTTP/1.1 200 OK\n", PROTOCOL },
	/* Headers. */
	{ .bytes = OK "X: y\n", PROTOCOL },
	{ .bytes = OK "\n", PROTOCOL },
	{ .bytes = OK "X\r\n", PROTOCOL },
	{ .bytes = OK ": y\r\n", PROTOCOL },
	{ .bytes = OK "X : y\r\n", PROTOCOL },
	{ .bytes = OK "X(: y\r\n", PROTOCOL },
	{ .bytes = OK "X\xC3\xA9: y\r\n", PROTOCOL },
	{ .bytes = OK " X: y\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: 1\r\n 2\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: 1\r\r\n", PROTOCOL },
	{ .bytes = OK "Transfer-Encoding: chunked\r\n , gzip\r\n", PROTOCOL },
	{ .bytes = OK "Connection: keep-alive\r\n , close\r\n", PROTOCOL },
	{ .bytes = OK "X: y\r\nConnection: close\r\n\tx\r\n", PROTOCOL },
	/* Lengths. */
	{ .bytes = OK "Content-Length:\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: -1\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: +1\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: 0x1\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: 1 1\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: 1, 1\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: 1\r\nContent-Length: 2\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", PROTOCOL },
	{ .bytes = OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", PROTOCOL },
	{ .bytes = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", PROTOCOL },
	{ .bytes = OK "Transfer-Encoding: gzip, chunked\r\n", PROTOCOL },
	{ .bytes = OK "Transfer-Encoding: identity\r\n", PROTOCOL },
	{ .bytes = OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", PROTOCOL },
	{ .bytes = OK "Content-Length: 65\r\n\r\n", TOO_LARGE },
	{ .bytes = OK "Content-Length: 18446744073709551617\r\n\r\n", TOO_LARGE },
	/* Chunks. */
	{ .bytes = CHUNKED "\r\n", PROTOCOL },
	{ .bytes = CHUNKED ";x\r\n", PROTOCOL },
	{ .bytes = CHUNKED " 1\r\n", PROTOCOL },
	{ .bytes = CHUNKED "-1\r\n", PROTOCOL },
	{ .bytes = CHUNKED "0x1\r\n", PROTOCOL },
	{ .bytes = CHUNKED "1g\r\n", PROTOCOL },
	{ .bytes = CHUNKED "1\na", PROTOCOL },
	{ .bytes = CHUNKED "1;x\n", PROTOCOL },
	{ .bytes = CHUNKED "1\rX", PROTOCOL },
	{ .bytes = CHUNKED "1\r\nab", PROTOCOL },
	{ .bytes = CHUNKED "1\r\na\rb", PROTOCOL },
	{ .bytes = CHUNKED "1\r\na\n", PROTOCOL },
	{ .bytes = CHUNKED "0\r\n\n", PROTOCOL },
	{ .bytes = CHUNKED "0\r\nT: x\n", PROTOCOL },
	{ .bytes = CHUNKED "0\r\nT: x\ry", PROTOCOL },
	{ .bytes = CHUNKED "0\r\n\rx", PROTOCOL },
	{ .bytes = CHUNKED "41\r\n", TOO_LARGE },
	{ .bytes = CHUNKED
		"40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n1",
		TOO_LARGE },
	{ .bytes = CHUNKED "ffffffffffffffff1\r\n", TOO_LARGE },
};

struct outcome {
	int rc, end_rc;
	struct sci_http_response response;
	struct sci_buffer in;
};

/* Feed the pieces [0, first), [first, first + step), ... as a receiver would. */
static struct outcome parse(const char *bytes, size_t len, size_t first, size_t step)
{
	struct outcome outcome = { .response = { .max_body = MAX_BODY } };
	size_t at = 0, piece = first;

	for (; outcome.rc == 0 && (at < len || at == 0); at += piece, piece = step) {
		if (piece > len - at)
			piece = len - at;
		/* A block of exactly this size, so that AddressSanitizer detects a read past its
		 * end. */
		char *exact = malloc(outcome.in.len + piece);
		assert_non_null(exact);
		if (outcome.in.len > 0)
			memcpy(exact, outcome.in.data, outcome.in.len);
		memcpy(exact + outcome.in.len, bytes + at, piece);
		free(outcome.in.data);
		outcome.in = (struct sci_buffer){ .data = exact,
			.len = outcome.in.len + piece,
			.cap = outcome.in.len + piece };
		outcome.rc = sci_http_response_feed(&outcome.response, &outcome.in, NULL);
		if (len == 0)
			break;
	}
	if (outcome.rc == 0)
		outcome.end_rc = sci_http_response_end(&outcome.response, NULL);
	return outcome;
}

static void assert_like(const struct outcome *outcome, const struct message *message)
{
	if (outcome->rc != message->rc)
		fail_msg("%d instead of %d for: %s", outcome->rc, message->rc, message->bytes);
	if (message->rc != COMPLETE)
		return;
	const struct sci_http_response *response = &outcome->response;
	assert_int_equal(response->status, message->status);
	assert_int_equal(response->keep_alive, message->keep_alive);
	assert_int_equal(response->body_len, strlen(message->body));
	assert_memory_equal(outcome->in.data + response->body_at, message->body,
		response->body_len);
}

static void check(const struct message *message)
{
	size_t len = strlen(message->bytes);

	struct outcome whole = parse(message->bytes, len, len, len);
	assert_like(&whole, message);
	if (message->rc == COMPLETE) {
		size_t left = whole.in.len - whole.response.at;
		assert_int_equal(left, strlen(message->left));
		assert_memory_equal(whole.in.data + whole.response.at, message->left, left);
	}
	sci_buffer_fini(&whole.in);
	struct outcome bytewise = parse(message->bytes, len, 1, 1);
	assert_like(&bytewise, message);
	sci_buffer_fini(&bytewise.in);
	for (size_t cut = 1; cut < len; cut++) {
		struct outcome two = parse(message->bytes, len, cut, len);
		assert_like(&two, message);
		sci_buffer_fini(&two.in);
	}
}

static void accepts_good_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		check(&good[i]);
}

static void refuses_bad_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		check(&bad[i]);
}

/* A response that does not end with its connection is complete with its last byte and not before;
 * an earlier end is an error. */
static void detects_truncation(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		size_t len = strlen(good[i].bytes) - strlen(good[i].left);
		for (size_t cut = 0; cut < len; cut++) {
			struct outcome outcome = parse(good[i].bytes, cut, cut, cut);
			assert_int_equal(outcome.rc, GOES_ON);
			/* Here only a head that is cut off before its length can look like such a
			 * response. */
			assert_int_equal(outcome.end_rc, SC_E_PROTOCOL);
			sci_buffer_fini(&outcome.in);
		}
	}
}

static void reads_until_the_close(void **state)
{
	static const char *const heads[] = { OK END,
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n" };
	char bytes[256];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int len = snprintf(bytes, sizeof bytes, "%shello\r\n", heads[i]);
		for (size_t step = 1; step <= (size_t)len; step++) {
			struct outcome outcome = parse(bytes, (size_t)len, step, step);
			assert_int_equal(outcome.rc, GOES_ON);
			assert_int_equal(outcome.end_rc, COMPLETE);
			assert_false(outcome.response.keep_alive);
			assert_int_equal(outcome.response.body_len, 7);
			assert_memory_equal(outcome.in.data + outcome.response.body_at, "hello\r\n",
				7);
			sci_buffer_fini(&outcome.in);
		}
		struct outcome empty = parse(bytes, strlen(heads[i]), 1, 1);
		assert_int_equal(empty.end_rc, COMPLETE);
		assert_int_equal(empty.response.body_len, 0);
		sci_buffer_fini(&empty.in);
		len = snprintf(bytes, sizeof bytes, "%s%065d", heads[i], 0);
		for (size_t step = 1; step <= (size_t)len; step++) {
			struct outcome outcome = parse(bytes, (size_t)len, step, step);
			assert_int_equal(outcome.rc, SC_E_TOO_LARGE);
			sci_buffer_fini(&outcome.in);
		}
	}
}

static void refuses_nul_bytes_in_names(void **state)
{
	static const char bytes[] = OK "X\0: a\r\n";

	(void)state;
	for (size_t step = 1; step <= sizeof bytes; step++) {
		struct outcome outcome = parse(bytes, sizeof bytes - 1, step, step);
		assert_int_equal(outcome.rc, SC_E_PROTOCOL);
		sci_buffer_fini(&outcome.in);
	}
}

static void assert_header(struct outcome *outcome, size_t *at, const char *name, const char *value)
{
	struct sci_http_header header;

	assert_true(sci_http_header_next(&outcome->response, outcome->in.data, at, &header));
	assert_true(sci_http_header_is(&header, name));
	assert_int_equal(header.value_len, strlen(value));
	assert_memory_equal(header.value, value, header.value_len);
}

/* Forbidden characters in a value, and folded lines, become spaces; other control characters
 * stay. */
static void replaces_bytes_in_values(void **state)
{
	static const char bytes[] = OK "A: a\0b\0\r\nB: \r\rc\rd\r\nC: e\r\n \rf\0\r\n"
				       "D: \r\n g\r\n\t\x7F\x01:h \r\n"
				       "Connection: i\0j\r\nContent-Length: 0\r\n\r\n";

	(void)state;
	for (size_t step = 1; step <= sizeof bytes; step++) {
		struct outcome outcome = parse(bytes, sizeof bytes - 1, step, step);
		size_t at = 0;
		assert_int_equal(outcome.rc, COMPLETE);
		assert_header(&outcome, &at, "A", "a b");
		assert_header(&outcome, &at, "B", "c d");
		assert_header(&outcome, &at, "C", "e    f");
		assert_header(&outcome, &at, "D", "g  \t\x7F\x01:h");
		assert_header(&outcome, &at, "Connection", "i j");
		assert_header(&outcome, &at, "Content-Length", "0");
		sci_buffer_fini(&outcome.in);
	}
}

/* After an error in a head, its other headers can still be read, before and after the wrong
 * line. */
static void salvages_headers(void **state)
{
	static const char *const wrong[] = { "none\r\n", "X : y\r\n", "Content-Length: x\r\n",
		"x\n", "A: b\nB: c\n", "X: y\n \r\n" };
	char bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		int len = snprintf(bytes, sizeof bytes, OK "One: 1\r\n%sTwo:2\r\n\r\nThree: 3\r\n",
			wrong[i]);
		struct outcome outcome = parse(bytes, (size_t)len, (size_t)len, 1);
		assert_int_equal(outcome.rc, SC_E_PROTOCOL);
		sci_http_response_salvage(&outcome.response, &outcome.in);
		char found[64] = "";
		struct sci_http_header header;
		for (size_t at = 0;
			sci_http_header_next(&outcome.response, outcome.in.data, &at, &header);)
			if (header.name_len == 3)
				strncat(found, header.value, header.value_len);
		assert_string_equal(found, "12");
		sci_buffer_fini(&outcome.in);
	}
}

/* A message of `total` bytes: `head`, as many x as it takes, `tail`. */
static struct outcome parse_padded(const char *head, const char *tail, size_t total, size_t step)
{
	char *bytes = malloc(total);
	size_t head_len = strlen(head), tail_len = strlen(tail);

	assert_non_null(bytes);
	memset(bytes, 'x', total);
	memcpy(bytes, head, head_len);
	memcpy(bytes + total - tail_len, tail, tail_len);
	struct outcome outcome = parse(bytes, total, step, step);
	free(bytes);
	return outcome;
}

static void check_limit(const char *head, const char *tail, size_t most, int rc)
{
	static const size_t steps[] = { 30011, 262144, 1 << 21 };

	for (size_t i = 0; i < 3; i++) {
		struct outcome fits = parse_padded(head, tail, most, steps[i]);
		struct outcome over = parse_padded(head, tail, most + 1, steps[i]);
		assert_int_equal(fits.rc, rc);
		assert_int_equal(over.rc, SC_E_TOO_LARGE);
		sci_buffer_fini(&fits.in);
		sci_buffer_fini(&over.in);
	}
}

static void bounds_the_head(void **state)
{
	(void)state;
	check_limit(OK "X: ", "\r\nContent-Length: 0\r\n\r\n", SCI_HTTP_HEAD_MAX, COMPLETE);
	check_limit("HTTP/1.1 200 ", "\r\nContent-Length: 0\r\n\r\n", SCI_HTTP_HEAD_MAX, COMPLETE);
	/* Skipped 1xx responses count, because a server could send them without end. */
	check_limit("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\nX: ",
		"\r\n\r\n" OK "Content-Length: 0\r\n\r\n", SCI_HTTP_HEAD_MAX, COMPLETE);
	/* A line without an end makes the head too large one byte before its limit. */
	check_limit(OK "X: ", "", SCI_HTTP_HEAD_MAX - 1, GOES_ON);
}

static void bounds_the_framing_of_chunks(void **state)
{
	/* The line's CR LF counts too. */
	size_t line = strlen(CHUNKED) + SCI_HTTP_CHUNK_LINE_MAX;
	size_t trailers = strlen(CHUNKED "0\r\n") + SCI_HTTP_TRAILERS_MAX;

	(void)state;
	check_limit(CHUNKED "1;", "\r\n", line, GOES_ON);
	check_limit(CHUNKED "0\r\nT: ", "\r\n\r\n", trailers, COMPLETE);
}

static void bounds_many_zeros(void **state)
{
	char zeros[SCI_HTTP_CHUNK_LINE_MAX + 64];
	size_t head = strlen(CHUNKED);

	(void)state;
	memcpy(zeros, CHUNKED, head);
	memset(zeros + head, '0', sizeof zeros - head);
	struct outcome fits = parse(zeros, head + SCI_HTTP_CHUNK_LINE_MAX, 7, 7);
	struct outcome over = parse(zeros, head + SCI_HTTP_CHUNK_LINE_MAX + 1, 7, 7);
	assert_int_equal(fits.rc, GOES_ON);
	assert_int_equal(over.rc, SC_E_TOO_LARGE);
	sci_buffer_fini(&fits.in);
	sci_buffer_fini(&over.in);
}

static void finds_headers(void **state)
{
	static const char bytes[] = "HTTP/1.1 100 Continue\r\nSkipped: 1\r\n\r\n" OK
				    "X-One: a b \r\nx-two:\r\nX-ONE:c\r\nContent-Length: 0\r\n\r\n";
	static const char *const names[] = { "x-one", "X-Two", "X-One", "content-length" };
	static const char *const values[] = { "a b", "", "c", "0" };
	struct sci_http_header header;
	size_t at = 0;

	(void)state;
	struct outcome outcome = parse(bytes, sizeof bytes - 1, 9, 9);
	assert_int_equal(outcome.rc, COMPLETE);
	for (size_t i = 0; i < 4; i++) {
		assert_true(sci_http_header_next(&outcome.response, outcome.in.data, &at, &header));
		assert_true(sci_http_header_is(&header, names[i]));
		assert_false(sci_http_header_is(&header, "x-on"));
		assert_false(sci_http_header_is(&header, "x-one-and-more"));
		assert_int_equal(header.value_len, strlen(values[i]));
		assert_memory_equal(header.value, values[i], header.value_len);
		/* The byte after a header may be overwritten. */
		header.name[header.name_len] = header.value[header.value_len] = '\0';
	}
	assert_false(sci_http_header_next(&outcome.response, outcome.in.data, &at, &header));
	sci_buffer_fini(&outcome.in);
}

static void knows_how_many_bytes_are_missing(void **state)
{
	static const char counted[] = OK "Content-Length: 60\r\n\r\n12345";
	struct outcome outcome = parse(counted, sizeof counted - 1, 30, 30);

	(void)state;
	assert_int_equal(outcome.rc, GOES_ON);
	assert_int_equal(sci_http_response_wants(&outcome.response, &outcome.in), 55);
	sci_buffer_fini(&outcome.in);
	outcome = parse(CHUNKED "20\r\n", strlen(CHUNKED) + 4, 50, 50);
	assert_int_equal(sci_http_response_wants(&outcome.response, &outcome.in), 0);
	sci_buffer_fini(&outcome.in);
}

static void classifies_bytes(void **state)
{
	static const char tokens[] =
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		bool token = byte != 0 && byte < 128 && strchr(tokens, (int)byte);
		assert_int_equal(sci_http_is_token((unsigned char)byte), token);
		bool text = byte == '\t' || (byte >= 32 && byte != 127);
		assert_int_equal(sci_http_is_text((unsigned char)byte), text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_good_responses),
		cmocka_unit_test(refuses_bad_responses),
		cmocka_unit_test(detects_truncation),
		cmocka_unit_test(reads_until_the_close),
		cmocka_unit_test(refuses_nul_bytes_in_names),
		cmocka_unit_test(replaces_bytes_in_values),
		cmocka_unit_test(salvages_headers),
		cmocka_unit_test(bounds_the_head),
		cmocka_unit_test(bounds_the_framing_of_chunks),
		cmocka_unit_test(bounds_many_zeros),
		cmocka_unit_test(finds_headers),
		cmocka_unit_test(knows_how_many_bytes_are_missing),
		cmocka_unit_test(classifies_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
