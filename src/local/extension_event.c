/* Texts come from the caller's headers, so all of them are escaped. */
#include "local/extension_event.h"

#include "base/json_text.h"
#include "local/call.h"

#include <string.h>

static void put_text(struct sci_buffer *out, const char *before, const char *text)
{
	sci_buffer_printf(out, "%s", before);
	sci_json_text(out, text, strlen(text));
}

struct sci_shared_bytes *sci_extension_invoke_event(const struct sci_call *call,
	int64_t deadline_ms)
{
	struct sci_shared_bytes *event = sci_shared_bytes_new();

	if (!event)
		return NULL;
	struct sci_buffer *out = &event->buffer;
	sci_buffer_printf(out, "{\"eventType\":\"INVOKE\",\"deadlineMs\":%lld",
		(long long)deadline_ms);
	put_text(out, ",\"requestId\":", call->request_id);
	put_text(out, ",\"invokedFunctionArn\":", call->arn);
	put_text(out, ",\"tracing\":{\"type\":\"X-Amzn-Trace-Id\",\"value\":", call->trace_id);
	sci_buffer_printf(out, "}}");
	if (sci_buffer_result(out) == 0)
		return event;
	sci_shared_bytes_release(event);
	return NULL;
}
