/* An event from a Runtime API that may send any bytes: each text read from it is inside the buffer
 * and ends with a NUL, and its id cannot change the path of the answer. */
#include "fuzz.h"

#include "http/http_request.h"
#include "lambda/event.h"

#include <stdlib.h>
#include <string.h>

static void check_text(const char *text, const struct sci_buffer *in)
{
	if (!text)
		return;
	check(text > in->data && text < in->data + in->len);
	check(memchr(text, '\0', in->len - (size_t)(text - in->data)) != NULL);
	check(*text != '\0' && !strpbrk(text, "\r\n"));
}

static void check_path(const struct sci_event *event)
{
	struct sci_buffer head = { 0 };

	if (sci_event_is_answerable(event)) {
		check(sci_http_request_line(&head, "POST", "/%s", event->request_id) == 0);
		check(sci_http_request_header(&head, "X", event->request_id) == 0);
	}
	sci_buffer_fini(&head);
}

static void check_texts(const struct sci_event *event, const struct sci_buffer *in)
{
	check_text(event->request_id, in);
	check_text(event->invocation_id, in);
	check_text(event->function_arn, in);
	check_text(event->trace_id, in);
	check_text(event->client_context, in);
	check_text(event->identity, in);
	check_text(event->tenant_id, in);
	check(event->deadline_ms >= 0 &&
		(!event->deadline_is_malformed || event->deadline_ms == 0));
	check_path(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sci_http_response response = { .max_body = 4096 };
	struct sci_buffer in = { 0 };
	struct sci_event event;

	check(sci_buffer_append(&in, data, size) == 0);
	if (sci_http_response_feed(&response, &in, NULL) == 1) {
		sci_event_read(&event, &response, in.data);
		check(event.body == in.data + response.body_at &&
			event.body_len == response.body_len);
	} else {
		sci_event_salvage(&event, &response, &in);
		check(!event.request_id || sci_event_is_answerable(&event));
		check(event.body_len == 0);
	}
	check_texts(&event, &in);
	sci_buffer_fini(&in);
	return 0;
}
