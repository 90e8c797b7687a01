/* State belongs to an invocation, never to a connection: a runtime may use one connection for all
 * requests, one for each, or several. The responses satisfy the strictest runtime clients: a
 * content type and a positive deadline with every invocation, exactly 202 for a post, no empty
 * header, never 204. */
#include "local/runtime_server.h"

#include "local/api_reply.h"
#include "local/base64.h"
#include "local/call.h"
#include "local/extension_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "/2018-06-01/runtime/"

/* A stack trace of a thousand frames, which Python's client sends in a header, is 100 to 200
 * KiB. */
#define HEAD_BYTES (256 * 1024)

/* A runtime's connection is silent while its function works, for 15 minutes at most. */
#define IDLE_SECONDS 3600

/* Runtimes send a head in one piece. */
#define HEAD_MS  60000
#define CHECK_MS 5000

static void reply_too_large(struct sci_exchange *exchange)
{
	sci_api_reply_error(exchange, 413, "RequestEntityTooLarge",
		"Exceeded maximum allowed payload size (%d bytes).", SCI_RESPONSE_MAX);
}

static void reply_verdict(struct sci_exchange *exchange, enum sci_runtime_verdict verdict)
{
	switch (verdict) {
	case SCI_RUNTIME_ACCEPTED:
		sci_api_reply_accepted(exchange);
		return;
	case SCI_RUNTIME_WRONG_ID:
		sci_api_reply_error(exchange, 400, "InvalidRequestID", "Invalid request ID");
		return;
	case SCI_RUNTIME_WRONG_STATE:
		sci_api_reply_error(exchange, 403, "InvalidStateTransition",
			"State transition is not allowed");
		return;
	}
}

/* The error in the trailer of a stream that failed, or NULL. */
static struct sci_shared_bytes *error_in_trailer(const struct sci_exchange *exchange)
{
	const char *encoded = sci_exchange_trailer(exchange, "Lambda-Runtime-Function-Error-Body");
	struct sci_shared_bytes *body = encoded ? sci_shared_bytes_new() : NULL;
	size_t len = encoded ? strlen(encoded) : 0;

	if (body && sci_buffer_reserve(&body->buffer, len) == 0 &&
		sci_base64_decode(encoded, len, body->buffer.data, &body->buffer.len) == 0)
		return body;
	sci_shared_bytes_release(body);
	return NULL;
}

/* The error type is in the header of an error, and in the trailer of a stream that failed. */
static const char *error_type_of(const struct sci_exchange *exchange)
{
	static const char name[] = "Lambda-Runtime-Function-Error-Type";
	const char *type = sci_exchange_header(exchange, name);

	return type ? type : sci_exchange_trailer(exchange, name);
}

/* Read a post, ask for the verdict, and answer. `request_id` is NULL for an init error. */
static void take_post(struct sci_exchange *exchange, const char *request_id, bool failed,
	enum sci_runtime_verdict (*judge)(const struct sci_runtime_post *, void *), void *arg)
{
	struct sci_shared_bytes *trailer = NULL;
	struct sci_runtime_post post = {
		.request_id = request_id,
		.invocation_id = sci_exchange_header(exchange, "Lambda-Runtime-Invocation-Id"),
		.content_type = sci_exchange_header(exchange, "Content-Type"),
		.error_type = error_type_of(exchange),
		.body = sci_exchange_body(exchange),
		.too_large = sci_exchange_body_length(exchange) > SCI_RESPONSE_MAX,
	};

	post.failed = failed || post.error_type;
	if (post.failed)
		post.content_type = "application/json";
	/* A stream that failed: the error replaces the part of the answer that came. */
	if (post.failed && !failed && (trailer = error_in_trailer(exchange)))
		post.body = trailer;
	enum sci_runtime_verdict verdict = judge(&post, arg);
	sci_shared_bytes_release(trailer);
	if (verdict == SCI_RUNTIME_ACCEPTED && post.too_large)
		reply_too_large(exchange);
	else
		reply_verdict(exchange, verdict);
}

static bool is_trusted(struct sci_exchange *exchange, const struct sci_runtime_handlers *handlers)
{
	if (handlers->trust(exchange, handlers->arg))
		return true;
	reply_verdict(exchange, SCI_RUNTIME_WRONG_STATE);
	return false;
}

/* The path after invocation/: ID/response or ID/error. */
static bool handle_answer(struct sci_exchange *exchange, const char *path,
	const struct sci_runtime_handlers *handlers)
{
	char request_id[SCI_REQUEST_ID_BYTES];
	size_t len = strcspn(path, "/");

	bool failed = strcmp(path + len, "/error") == 0;
	if (!failed && strcmp(path + len, "/response") != 0)
		return false;
	if (!sci_api_is_method(exchange, "POST"))
		return true;
	/* An id that is too long becomes the empty one, which matches no invocation. */
	snprintf(request_id, sizeof request_id, "%.*s", (int)(len < sizeof request_id ? len : 0),
		path);
	take_post(exchange, request_id, failed, handlers->posted, handlers->arg);
	return true;
}

static bool handle_path(struct sci_exchange *exchange, const char *path,
	const struct sci_runtime_handlers *handlers)
{
	static const char invocation[] = "invocation/";

	if (strcmp(path, "init/error") == 0) {
		if (sci_api_is_method(exchange, "POST") && is_trusted(exchange, handlers))
			take_post(exchange, NULL, true, handlers->init_failed, handlers->arg);
		return true;
	}
	if (strncmp(path, invocation, sizeof invocation - 1) != 0)
		return false;
	path += sizeof invocation - 1;
	if (strcmp(path, "next") == 0) {
		if (sci_api_is_method(exchange, "GET") && is_trusted(exchange, handlers))
			handlers->next(exchange, handlers->arg);
		return true;
	}
	return handle_answer(exchange, path, handlers);
}

static void handle(struct sci_exchange *exchange, void *arg)
{
	const struct sci_runtime_handlers *handlers = arg;
	const char *path = sci_exchange_path(exchange);

	if (strncmp(path, PREFIX, sizeof PREFIX - 1) == 0 &&
		handle_path(exchange, path + sizeof PREFIX - 1, handlers))
		return;
	if (sci_extension_server_serves(path)) {
		if (is_trusted(exchange, handlers))
			sci_extension_server_handle(exchange, path, handlers->extensions);
		return;
	}
	sci_api_reply_error(exchange, 404, "NotFound", "There is no such path in the Runtime API");
}

static bool admit(const struct sci_peer *peer, void *arg)
{
	const struct sci_runtime_handlers *handlers = arg;

	return handlers->admit(peer, handlers->arg);
}

static void refuse(struct sci_exchange *exchange, unsigned status, const char *message, void *arg)
{
	(void)arg;
	sci_api_reply_error(exchange, status,
		status == 413 ? "RequestEntityTooLarge" : "InvalidRequest", "%s", message);
}

int sci_runtime_server_open(struct event_base *base, const struct sci_runtime_handlers *handlers,
	int64_t body_ms, struct sci_http_listener **out, struct sc_error *error)
{
	struct sci_http_listener_options options = {
		.host = "127.0.0.1",
		.port = 0,
		.idle_seconds = IDLE_SECONDS,
		.head_ms = HEAD_MS,
		.body_ms = body_ms,
		.check_ms = CHECK_MS,
		.max_head_bytes = HEAD_BYTES,
		.max_body_bytes = SCI_RESPONSE_MAX,
		.admit = admit,
		.refuse = refuse,
		.handle = handle,
		.arg = (void *)(uintptr_t)handlers,
	};

	return sci_http_listener_open(base, &options, out, error);
}

void sci_runtime_deliver(struct sci_exchange *exchange, const struct sci_call *call,
	int64_t deadline_ms)
{
	char deadline[24];
	const struct sci_header headers[] = {
		{ "Content-Type", "application/json" },
		{ "Lambda-Runtime-Aws-Request-Id", call->request_id },
		{ "Lambda-Runtime-Invocation-Id", call->invocation_id },
		{ "Lambda-Runtime-Deadline-Ms", deadline },
		{ "Lambda-Runtime-Invoked-Function-Arn", call->arn },
		{ "Lambda-Runtime-Trace-Id", call->trace_id },
		{ "Lambda-Runtime-Client-Context", call->client_context },
		{ "Lambda-Runtime-Aws-Tenant-Id", call->tenant_id },
	};

	snprintf(deadline, sizeof deadline, "%lld", (long long)deadline_ms);
	sci_exchange_reply(exchange, 200, headers, sizeof headers / sizeof *headers, call->event);
}

void sci_runtime_refuse(struct sci_exchange *exchange)
{
	reply_verdict(exchange, SCI_RUNTIME_WRONG_STATE);
}
