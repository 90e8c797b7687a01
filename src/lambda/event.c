/* No header is trusted: one may be missing, empty, repeated or malformed, and the function still
 * gets its event. */
#include "lambda/event.h"

#include <string.h>

/* A decimal number of milliseconds, or -1. */
static int64_t read_ms(const char *text)
{
	int64_t ms = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9' || ms > (INT64_MAX - 9) / 10)
			return -1;
		ms = ms * 10 + (*text - '0');
	}
	return ms;
}

static void read_deadline(struct sci_event *event, const char *text)
{
	int64_t ms = text ? read_ms(text) : 0;

	event->deadline_is_malformed = ms < 0;
	event->deadline_ms = ms < 0 ? 0 : ms;
}

/* A name with its length: comparing lengths first rejects most headers. */
#define NAME(text) text, sizeof(text) - 1

void sci_event_read(struct sci_event *event, const struct sci_http_response *response, char *data)
{
	const char *deadline = NULL;
	const struct {
		const char *name;
		size_t name_len;
		const char **text;
	} known[] = {
		{ NAME("Lambda-Runtime-Aws-Request-Id"), &event->request_id },
		{ NAME("Lambda-Runtime-Invocation-Id"), &event->invocation_id },
		{ NAME("Lambda-Runtime-Deadline-Ms"), &deadline },
		{ NAME("Lambda-Runtime-Invoked-Function-Arn"), &event->function_arn },
		{ NAME("Lambda-Runtime-Trace-Id"), &event->trace_id },
		{ NAME("Lambda-Runtime-Client-Context"), &event->client_context },
		{ NAME("Lambda-Runtime-Cognito-Identity"), &event->identity },
		{ NAME("Lambda-Runtime-Aws-Tenant-Id"), &event->tenant_id },
	};
	struct sci_http_header header;
	size_t at = 0;

	*event = (struct sci_event){ .body = data + response->body_at,
		.body_len = response->body_len };
	while (sci_http_header_next(response, data, &at, &header)) {
		for (size_t i = 0; i < sizeof known / sizeof known[0] && header.value_len > 0;
			i++) {
			if (known[i].name_len != header.name_len || *known[i].text)
				continue;
			if (!sci_http_header_is(&header, known[i].name))
				continue;
			header.value[header.value_len] = '\0';
			*known[i].text = header.value;
		}
	}
	read_deadline(event, deadline);
}

bool sci_event_is_answerable(const struct sci_event *event)
{
	static const char usable[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	return event->request_id && event->request_id[strspn(event->request_id, usable)] == '\0';
}

void sci_event_salvage(struct sci_event *event, struct sci_http_response *response,
	const struct sci_buffer *in)
{
	*event = (struct sci_event){ 0 };
	if (response->part == SCI_HTTP_STATUS_LINE || response->status != 200)
		return;
	sci_http_response_salvage(response, in);
	response->body_len = 0;
	sci_event_read(event, response, in->data);
	event->is_cut_off = response->is_cut_off;
	if (!sci_event_is_answerable(event))
		event->request_id = NULL;
}
