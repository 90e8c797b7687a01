/* A response of any bytes. The first byte selects how the rest is cut into pieces, on which the
 * result must not depend. Each piece is in a block of exactly its size, so that AddressSanitizer
 * detects the first byte that is read past its end. */
#include "fuzz.h"

#include "http/http_message.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BODY 4096

struct outcome {
	int rc;
	struct sci_http_response response;
	struct sci_buffer in;
};

static void receive(struct sci_buffer *in, const uint8_t *data, size_t len)
{
	char *exact = malloc(in->len + len);

	check(exact || in->len + len == 0);
	if (in->len > 0)
		memcpy(exact, in->data, in->len);
	if (len > 0)
		memcpy(exact + in->len, data, len);
	free(in->data);
	in->data = exact;
	in->len += len;
	in->cap = in->len;
}

static struct outcome parse(const uint8_t *data, size_t size, size_t step)
{
	struct outcome outcome = { .response = { .max_body = MAX_BODY } };

	while (size > 0 && outcome.rc == 0) {
		size_t piece = step < size ? step : size;
		size_t wants = sci_http_response_wants(&outcome.response, &outcome.in);
		receive(&outcome.in, data, piece);
		outcome.rc = sci_http_response_feed(&outcome.response, &outcome.in, NULL);
		if (outcome.rc == 0)
			check(wants == 0 ||
				sci_http_response_wants(&outcome.response, &outcome.in) ==
					wants - piece);
		data += piece;
		size -= piece;
	}
	if (outcome.rc == 0)
		outcome.rc = sci_http_response_end(&outcome.response, NULL);
	return outcome;
}

/* Every header is in the head, and the byte after it can be overwritten with a NUL. */
static void walk_headers(struct outcome *outcome)
{
	const char *from = outcome->in.data + outcome->response.headers_at;
	const char *to = from + outcome->response.headers_len;
	struct sci_http_header header;
	size_t at = 0;

	while (sci_http_header_next(&outcome->response, outcome->in.data, &at, &header)) {
		check(header.name >= from && header.name + header.name_len < header.value);
		check(header.value + header.value_len < to);
		header.name[header.name_len] = header.value[header.value_len] = '\0';
		check(strlen(header.name) == header.name_len &&
			strlen(header.value) == header.value_len);
		check(sci_http_header_is(&header, header.name));
	}
}

static void check_same(const struct outcome *one, const struct outcome *other)
{
	check(one->rc == other->rc);
	if (one->rc != 1)
		return;
	const struct sci_http_response *a = &one->response, *b = &other->response;
	check(a->status == b->status && a->keep_alive == b->keep_alive);
	check(a->headers_at == b->headers_at && a->headers_len == b->headers_len);
	check(a->body_at == b->body_at && a->body_len == b->body_len && a->body_len <= MAX_BODY);
	if (a->body_len > 0)
		check(memcmp(one->in.data + a->body_at, other->in.data + b->body_at, a->body_len) ==
			0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t step = (size_t)data[0] + 1;
	struct outcome whole = parse(data + 1, size - 1, size);
	struct outcome pieces = parse(data + 1, size - 1, step);
	check_same(&whole, &pieces);
	if (whole.rc == 1)
		walk_headers(&whole);
	sci_buffer_fini(&whole.in);
	sci_buffer_fini(&pieces.in);
	return 0;
}
