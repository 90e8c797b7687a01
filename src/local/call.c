/* A call has at most one answer, which reaches its caller at most once, whatever happens to the
 * environment. No submitted call is lost: only sci_call_finish() frees it. */
#include "local/call.h"

#include "base/json_text.h"

#include <scopecache/error.h>

#include <event2/event.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sci_call_discard(struct sci_call *call)
{
	sci_shared_bytes_release(call->event);
	sci_shared_bytes_release(call->answer.body);
	if (call->settle_timer)
		event_free(call->settle_timer);
	free(call->answer.content_type);
	free(call->arn);
	free(call->trace_id);
	free(call->client_context);
	free(call->tenant_id);
	free(call->tail);
	free(call);
}

/* Copy a text that may be absent. Returns false without memory. */
static bool copy(char **out, const char *text)
{
	*out = text ? strdup(text) : NULL;
	return !text || *out;
}

static bool make_arn(struct sci_call *call, const char *qualifier)
{
	if (!qualifier || !*qualifier)
		return copy(&call->arn, call->function->arn);
	size_t size = strlen(call->function->arn) + strlen(qualifier) + 2;
	call->arn = malloc(size);
	if (call->arn)
		snprintf(call->arn, size, "%s:%s", call->function->arn, qualifier);
	return call->arn;
}

struct sci_call *sci_call_new(struct sci_deployment *function, const struct sci_call_texts *texts,
	struct sci_shared_bytes *event)
{
	struct sci_call *call = calloc(1, sizeof *call);
	char trace_id[SCI_TRACE_ID_BYTES];

	if (!call)
		return NULL;
	call->function = function;
	sci_request_id(call->request_id);
	sci_request_id(call->invocation_id);
	if (!texts->trace_id)
		sci_trace_id(trace_id);
	call->event = sci_shared_bytes_acquire(event);
	if (make_arn(call, texts->qualifier) &&
		copy(&call->trace_id, texts->trace_id ? texts->trace_id : trace_id) &&
		copy(&call->client_context, texts->client_context) &&
		copy(&call->tenant_id, texts->tenant_id))
		return call;
	sci_call_discard(call);
	return NULL;
}

static void deliver_answer(struct sci_call *call)
{
	struct sci_answer answer = {
		.body = call->answer.body,
		.content_type =
			call->answer.content_type ? call->answer.content_type : "application/json",
		.failed = call->answer.failed,
	};

	if (call->answer.delivered)
		return;
	call->answer.delivered = true;
	if (call->answered)
		call->answered(call, &answer, call->arg);
}

void sci_call_answer(struct sci_call *call, struct sci_shared_bytes *body, const char *content_type,
	bool failed)
{
	if (call->answer.made)
		return;
	call->answer.made = true;
	call->answer.failed = failed;
	/* Without memory for it, the content type is the usual one. */
	if (content_type)
		call->answer.content_type = strdup(content_type);
	if (body)
		call->answer.body = sci_shared_bytes_acquire(body);
	if (!call->tail)
		deliver_answer(call);
}

void sci_call_note(struct sci_call *call, const char *status, const char *error_type)
{
	call->status = status;
	call->error_type = NULL;
	if (error_type) {
		snprintf(call->error_type_text, sizeof call->error_type_text, "%s", error_type);
		call->error_type = call->error_type_text;
	}
}

/* {"errorType":...,"errorMessage":...}, or NULL without memory. */
static struct sci_shared_bytes *error_json(const char *error_type, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static struct sci_shared_bytes *error_json(const char *error_type, const char *format, va_list args)
{
	struct sci_shared_bytes *json = sci_shared_bytes_new();
	struct sci_buffer message = { 0 };

	if (!json)
		return NULL;
	/* The buffers remember a failed append, so both results are read once, at the end. */
	sci_buffer_vprintf(&message, format, args);
	sci_buffer_printf(&json->buffer, "{\"errorType\":\"%s\",\"errorMessage\":", error_type);
	sci_json_text(&json->buffer, message.data, message.len);
	sci_buffer_append(&json->buffer, "}", 1);
	bool failed = sci_buffer_result(&message) < 0 || sci_buffer_result(&json->buffer) < 0;
	sci_buffer_fini(&message);
	if (!failed)
		return json;
	sci_shared_bytes_release(json);
	return NULL;
}

void sci_call_fail(struct sci_call *call, const char *status, const char *error_type,
	const char *format, ...)
{
	va_list args;

	if (call->answer.made)
		return;
	va_start(args, format);
	struct sci_shared_bytes *json = error_json(error_type, format, args);
	va_end(args);
	sci_call_note(call, status, error_type);
	/* Without memory the caller gets a failure without a text. */
	sci_call_answer(call, json, "application/json", true);
	sci_shared_bytes_release(json);
}

void sci_call_finish(struct sci_call *call)
{
	if (!call)
		return;
	if (!call->answer.made)
		sci_call_fail(call, "error", "Runtime.Unknown",
			"RequestId: %s Error: the invocation was given up", call->request_id);
	deliver_answer(call);
	sci_call_discard(call);
}
