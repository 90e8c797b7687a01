/* State is kept by invocation, never by connection: a runtime may use one connection for all, one for
 * each, or five. What is sent is what the strictest of the runtime clients needs: a content type and a
 * positive deadline on every invocation, exactly 202 for what is posted, no empty header, never 204.
 *
 * A body somewhat over Lambda's limit is read whole, so that the runtime can be told in the Runtime
 * API's own words and the environment learns of it; one far over it is refused by the listener. */
#include "local/runtime_server.h"

#include "base/buffer.h"
#include "local/base64.h"
#include "local/call.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX   (64 * 1024 * 1024)
#define HEADER_MAX (1024 * 1024)
#define PREFIX     "/2018-06-01/runtime/"

static void reply_error(struct evhttp_request *request, int status, const char *type, const char *message)
{
	char json[256];
	int len = snprintf(json, sizeof json, "{\"errorMessage\":\"%s\",\"errorType\":\"%s\"}", message, type);

	sci_reply_json(request, status, json, (size_t)len);
}

static void reply_too_large(struct evhttp_request *request)
{
	char message[96];

	snprintf(message, sizeof message, "Exceeded maximum allowed payload size (%d bytes).", SCI_RESPONSE_MAX);
	reply_error(request, 413, "RequestEntityTooLarge", message);
}

static void reply_verdict(struct evhttp_request *request, enum sci_runtime_verdict verdict)
{
	static const char accepted[] = "{\"status\":\"OK\"}\n";

	switch (verdict) {
	case SCI_RUNTIME_ACCEPTED:
		sci_reply_json(request, 202, accepted, sizeof accepted - 1);
		return;
	case SCI_RUNTIME_WRONG_ID:
		reply_error(request, 400, "InvalidRequestID", "Invalid request ID");
		return;
	case SCI_RUNTIME_WRONG_STATE:
		reply_error(request, 403, "InvalidStateTransition", "State transition is not allowed");
		return;
	}
}

/* The trailer of a streamed answer that failed on its way carries the error in base64. */
static void take_error_trailer(struct evhttp_request *request, struct evbuffer *body)
{
	const char *encoded = sci_request_header(request, "Lambda-Runtime-Function-Error-Body");
	size_t len = encoded ? strlen(encoded) : 0, decoded_len;

	if (len == 0)
		return;
	char *decoded = malloc(len);
	if (decoded && sci_base64_decode(encoded, len, decoded, &decoded_len) == 0) {
		evbuffer_drain(body, evbuffer_get_length(body));
		evbuffer_add(body, decoded, decoded_len);
	}
	free(decoded);
}

static struct sci_runtime_post read_post(struct evhttp_request *request, const char *request_id, bool failed)
{
	struct sci_runtime_post post = {
		.request_id = request_id,
		.invocation_id = sci_request_header(request, "Lambda-Runtime-Invocation-Id"),
		.content_type = sci_request_header(request, "Content-Type"),
		.error_type = sci_request_header(request, "Lambda-Runtime-Function-Error-Type"),
		.body = evhttp_request_get_input_buffer(request),
	};

	post.failed = failed || post.error_type;
	post.too_large = evbuffer_get_length(post.body) > SCI_RESPONSE_MAX;
	if (post.too_large)
		evbuffer_drain(post.body, evbuffer_get_length(post.body));
	else if (post.failed && !failed) {
		take_error_trailer(request, post.body);
		post.content_type = "application/json";
	}
	return post;
}

static void take_post(struct evhttp_request *request, struct sci_runtime_post *post,
	enum sci_runtime_verdict (*handler)(struct sci_runtime_post *, void *), void *arg)
{
	enum sci_runtime_verdict verdict = handler(post, arg);

	if (verdict == SCI_RUNTIME_ACCEPTED && post->too_large)
		reply_too_large(request);
	else
		reply_verdict(request, verdict);
}

/* Take `word` off the front of the path, and the slash after it if there is one. */
static bool take_word(const char **path, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*path, word, len) != 0 || ((*path)[len] != '/' && (*path)[len] != '\0'))
		return false;
	*path += len + ((*path)[len] == '/');
	return true;
}

static bool is_method(struct evhttp_request *request, enum evhttp_cmd_type method)
{
	if (evhttp_request_get_command(request) == method)
		return true;
	reply_error(request, 405, "MethodNotAllowed", method == EVHTTP_REQ_GET ? "Use GET" : "Use POST");
	return false;
}

/* invocation/ID/response or invocation/ID/error */
static bool handle_answer(struct evhttp_request *request, const char *path,
	const struct sci_runtime_handlers *handlers)
{
	char request_id[SCI_REQUEST_ID_BYTES];
	size_t len = strcspn(path, "/");

	bool failed = strcmp(path + len, "/error") == 0;
	if (!failed && strcmp(path + len, "/response") != 0)
		return false;
	if (!is_method(request, EVHTTP_REQ_POST))
		return true;
	/* An id that is too long is cut, and so is the wrong one all the same. */
	snprintf(request_id, sizeof request_id, "%.*s", (int)(len < sizeof request_id ? len : 0), path);
	struct sci_runtime_post post = read_post(request, request_id, failed);
	take_post(request, &post, handlers->posted, handlers->arg);
	return true;
}

static bool handle_path(struct evhttp_request *request, const char *path,
	const struct sci_runtime_handlers *handlers)
{
	if (strcmp(path, "init/error") == 0) {
		if (is_method(request, EVHTTP_REQ_POST)) {
			struct sci_runtime_post post = read_post(request, NULL, true);
			take_post(request, &post, handlers->init_failed, handlers->arg);
		}
		return true;
	}
	if (!take_word(&path, "invocation"))
		return false;
	if (strcmp(path, "next") == 0) {
		if (is_method(request, EVHTTP_REQ_GET))
			handlers->next(request, handlers->arg);
		return true;
	}
	return handle_answer(request, path, handlers);
}

static void handle(struct evhttp_request *request, void *arg)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));

	if (path && strncmp(path, PREFIX, sizeof PREFIX - 1) == 0 &&
		handle_path(request, path + sizeof PREFIX - 1, arg))
		return;
	reply_error(request, 404, "NotFound", "There is no such path in the Runtime API");
}

int sci_runtime_server_open(struct event_base *base, const struct sci_runtime_handlers *handlers,
	struct sci_http_listener **out, struct sc_error *error)
{
	struct sci_http_listener_options options = {
		.host = "127.0.0.1",
		.port = 0,
		.max_body_bytes = BODY_MAX,
		.max_header_bytes = HEADER_MAX,
		.handle = handle,
		.arg = (void *)(uintptr_t)handlers,
	};

	return sci_http_listener_open(base, &options, out, error);
}

void sci_runtime_deliver(struct evhttp_request *request, struct sci_call *call, int64_t deadline_ms)
{
	char deadline[24];

	snprintf(deadline, sizeof deadline, "%lld", (long long)deadline_ms);
	sci_reply_set(request, "Content-Type", "application/json");
	sci_reply_set(request, "Lambda-Runtime-Aws-Request-Id", call->request_id);
	sci_reply_set(request, "Lambda-Runtime-Invocation-Id", call->invocation_id);
	sci_reply_set(request, "Lambda-Runtime-Deadline-Ms", deadline);
	sci_reply_set(request, "Lambda-Runtime-Invoked-Function-Arn", call->arn);
	sci_reply_set(request, "Lambda-Runtime-Trace-Id", call->trace_id);
	sci_reply_set(request, "Lambda-Runtime-Client-Context", call->client_context);
	sci_reply_set(request, "Lambda-Runtime-Aws-Tenant-Id", call->tenant_id);
	/* By reference: the same event may have to be delivered again. */
	evbuffer_add_buffer_reference(evhttp_request_get_output_buffer(request), call->event);
	sci_reply_send(request, 200, NULL);
}

void sci_runtime_refuse(struct evhttp_request *request)
{
	reply_verdict(request, SCI_RUNTIME_WRONG_STATE);
}
