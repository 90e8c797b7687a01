/* From a request to a call, and from an answer to a response. Errors have Lambda's format: a type
 * in the header x-amzn-errortype, which the SDKs read first, and a message in JSON.
 *
 * Only the form of accounts, regions and qualifiers in a function's name is checked: there is one
 * version, $LATEST, and code that calls an alias or another account's function finds it. The
 * function sees the qualifier in its ARN. */
#include "local/invoke_server.h"

#include "base/error.h"
#include "base/json_text.h"
#include "local/base64.h"
#include "local/call.h"
#include "local/fleet.h"
#include "local/http_listener.h"
#include "local/inspect.h"
#include "base/json_syntax.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX        (6 * 1024 * 1024)
#define EVENT_MAX          (1024 * 1024)
#define CLIENT_CONTEXT_MAX 3583
#define TENANT_MAX         256
#define TRACE_MAX          1024
#define IDLE_SECONDS       120
#define HEAD_MS            10000
#define BODY_MS            60000
#define CHECK_MS           1000
#define HEAD_BYTES         (32 * 1024)
#define CONTENT_TYPE_MAX   1024
#define PREFIX             "/2015-03-31/functions/"
#define SUFFIX             "/invocations"

struct sci_invoke_server {
	struct sci_fleet *fleet;
	struct sci_http_listener *listener;
};

/* ---- Errors. ---- */

struct failure {
	unsigned status;
	const char *type;
	const char *reason;                    /* or NULL */
	char request_id[SCI_REQUEST_ID_BYTES]; /* of the call; empty: there is none */
	char message[256];
};

static bool fail(struct failure *failure, unsigned status, const char *type, const char *format,
	...) __attribute__((format(printf, 4, 5)));

/* Fill in a failure; returns false, so that a check can end with it. */
static bool fail(struct failure *failure, unsigned status, const char *type, const char *format,
	...)
{
	va_list args;

	failure->status = status;
	failure->type = type;
	va_start(args, format);
	vsnprintf(failure->message, sizeof failure->message, format, args);
	va_end(args);
	return false;
}

static bool fail_without_memory(struct failure *failure)
{
	return fail(failure, 500, "ServiceException", "out of memory");
}

static void reply_failure(struct sci_exchange *exchange, struct failure *failure)
{
	struct sci_buffer json = { 0 };
	const struct sci_header headers[] = {
		{ "x-amzn-RequestId", failure->request_id },
		{ "x-amzn-errortype", failure->type },
		{ "Retry-After", failure->status == 429 ? "1" : NULL },
	};

	if (!*failure->request_id)
		sci_request_id(failure->request_id);
	sci_buffer_printf(&json, "{\"Type\":\"%s\",", failure->status < 500 ? "User" : "Service");
	if (failure->reason)
		sci_buffer_printf(&json, "\"Reason\":\"%s\",", failure->reason);
	sci_buffer_printf(&json, "\"Message\":");
	sci_json_text(&json, failure->message, strlen(failure->message));
	sci_buffer_append(&json, "}", 1);
	bool failed = sci_buffer_result(&json) < 0;
	sci_exchange_reply_json(exchange, failure->status, headers,
		sizeof headers / sizeof *headers, failed ? "{}" : json.data, failed ? 2 : json.len);
	sci_buffer_fini(&json);
}

/* ---- From a request to a call. ---- */

/* A request, as far as it is parsed. */
struct request {
	struct sci_exchange *exchange;
	struct sci_function_name name;
	struct sci_deployment *function;
	bool asynchronous, dry_run, tail;
	char *client_context;  /* decoded; or NULL */
	const char *tenant_id; /* or NULL */
	struct sci_shared_bytes *event;
};

static void free_request(struct request *request)
{
	free(request->client_context);
	sci_shared_bytes_release(request->event);
}

/* The part of the path between PREFIX and SUFFIX; NULL when it has not both. */
static const char *function_in_path(const char *path, size_t *len)
{
	const size_t prefix = sizeof PREFIX - 1, suffix = sizeof SUFFIX - 1, whole = strlen(path);

	if (whole <= prefix + suffix || strncmp(path, PREFIX, prefix) != 0 ||
		strcmp(path + whole - suffix, SUFFIX) != 0)
		return NULL;
	*len = whole - prefix - suffix;
	return path + prefix;
}

static bool take_qualifier(struct request *request, struct failure *failure)
{
	const char *qualifier = sci_exchange_parameter(request->exchange, "Qualifier");
	char *named = request->name.qualifier;

	if (!qualifier)
		return true;
	if (sci_qualifier_check(qualifier, strlen(qualifier)) < 0)
		return fail(failure, 400, "InvalidParameterValueException",
			"The qualifier is not valid");
	if (*named && strcmp(qualifier, named) != 0)
		return fail(failure, 400, "InvalidParameterValueException",
			"The qualifier in the function's name is not the one that is asked for");
	snprintf(named, sizeof request->name.qualifier, "%s", qualifier);
	return true;
}

static bool take_function(const struct sci_invoke_server *server, const char *text, size_t len,
	struct request *request, struct failure *failure)
{
	const struct sci_fleet_options *fleet = sci_fleet_options_of(server->fleet);

	if (sci_function_name_parse(text, len, &request->name) < 0)
		return fail(failure, 400, "ValidationException",
			"The function's name is not valid");
	if (!take_qualifier(request, failure))
		return false;
	for (size_t i = 0; i < fleet->function_count && !request->function; i++)
		if (strcmp(fleet->functions[i].name, request->name.name) == 0)
			request->function = &fleet->functions[i];
	if (request->function)
		return true;
	/* All functions have the same account and region. */
	const char *arn = fleet->functions[0].arn;
	return fail(failure, 404, "ResourceNotFoundException", "Function not found: %.*s:%s",
		(int)(strrchr(arn, ':') - arn), arn, request->name.name);
}

static bool take_type(struct request *request, struct failure *failure)
{
	const char *type = sci_exchange_header(request->exchange, "X-Amz-Invocation-Type");
	const char *log_type = sci_exchange_header(request->exchange, "X-Amz-Log-Type");

	request->asynchronous = type && strcmp(type, "Event") == 0;
	request->dry_run = type && strcmp(type, "DryRun") == 0;
	request->tail = log_type && strcmp(log_type, "Tail") == 0 && !request->asynchronous;
	if (type && !request->asynchronous && !request->dry_run &&
		strcmp(type, "RequestResponse") != 0)
		return fail(failure, 400, "InvalidParameterValueException",
			"The invocation type is RequestResponse, Event or DryRun");
	if (log_type && strcmp(log_type, "Tail") != 0 && strcmp(log_type, "None") != 0)
		return fail(failure, 400, "InvalidParameterValueException",
			"The log type is Tail or None");
	return true;
}

static bool take_client_context(struct request *request, struct failure *failure)
{
	const char *encoded = sci_exchange_header(request->exchange, "X-Amz-Client-Context");
	size_t len = encoded ? strlen(encoded) : 0, decoded_len = 0, offset;

	if (len == 0)
		return true;
	char *decoded = malloc(len + 1);
	if (!decoded)
		return fail_without_memory(failure);
	if (len > CLIENT_CONTEXT_MAX ||
		sci_base64_decode(encoded, len, decoded, &decoded_len) < 0 ||
		sci_json_syntax(decoded, decoded_len, &offset) < 0) {
		free(decoded);
		return fail(failure, 400, "InvalidRequestContentException",
			"The client context must be base64-encoded JSON of at most %d bytes",
			CLIENT_CONTEXT_MAX);
	}
	/* The function gets it in a header, which a line break would end. In JSON that was parsed
	 * a line break is only white space. */
	for (size_t i = 0; i < decoded_len; i++)
		if (decoded[i] == '\r' || decoded[i] == '\n')
			decoded[i] = ' ';
	decoded[decoded_len] = '\0';
	request->client_context = decoded;
	return true;
}

/* The event. An empty body is an empty object, as in Lambda. */
static bool take_event(struct request *request, struct failure *failure)
{
	struct sci_shared_bytes *body = sci_exchange_body(request->exchange);
	size_t len = sci_exchange_body_length(request->exchange);
	size_t limit = request->asynchronous ? EVENT_MAX : REQUEST_MAX, offset;

	if (len > limit)
		return fail(failure, 413, "RequestEntityTooLargeException",
			"%zu byte payload is too large for the %s invocation type "
			"(limit %zu bytes)",
			len, request->asynchronous ? "Event" : "RequestResponse", limit);
	if (!body) {
		request->event = sci_shared_bytes_new();
		return (request->event &&
			       sci_buffer_append(&request->event->buffer, "{}", 2) == 0) ||
			fail_without_memory(failure);
	}
	request->event = sci_shared_bytes_acquire(body);
	int rc = sci_json_syntax(body->buffer.data, body->buffer.len, &offset);
	if (rc < 0)
		return fail(failure, 400, "InvalidRequestContentException",
			"Could not parse request body into json: %s at byte %zu",
			rc == SC_E_TOO_LARGE ? "nested too deep" : "not JSON", offset);
	return true;
}

/* A header's value, when it is no longer than `max`. */
static const char *bounded(const struct sci_exchange *exchange, const char *name, size_t max)
{
	const char *value = sci_exchange_header(exchange, name);

	return value && strlen(value) <= max ? value : NULL;
}

static bool take_tenant(struct request *request, struct failure *failure)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:/=+-@ ";
	const char *id = sci_exchange_header(request->exchange, "X-Amz-Tenant-Id");

	request->tenant_id = id;
	return !id || (strlen(id) <= TENANT_MAX && id[strspn(id, allowed)] == '\0') ||
		fail(failure, 400, "InvalidParameterValueException",
			"The tenant id must be at most %d letters, digits, spaces and ._:/=+-@",
			TENANT_MAX);
}

static struct sci_call *make_call(const struct request *request)
{
	struct sci_call_texts texts = {
		.qualifier = request->name.qualifier,
		.trace_id = bounded(request->exchange, "X-Amzn-Trace-Id", TRACE_MAX),
		.client_context = request->client_context,
		.tenant_id = request->tenant_id,
	};
	struct sci_call *call = sci_call_new(request->function, &texts, request->event);

	if (call && request->tail) {
		call->tail = calloc(1, sizeof *call->tail);
		if (!call->tail) {
			sci_call_discard(call);
			return NULL;
		}
	}
	return call;
}

/* ---- From an answer to a response. ---- */

static void on_answered(struct sci_call *call, const struct sci_answer *answer, void *arg)
{
	char tail[SCI_LOG_TAIL_BYTES], log[SCI_BASE64_BYTES(SCI_LOG_TAIL_BYTES) + 1];
	const char *content_type = answer->content_type;

	if (content_type && strlen(content_type) > CONTENT_TYPE_MAX)
		content_type = "application/octet-stream";
	const struct sci_header headers[] = {
		{ "Content-Type", content_type },
		{ "x-amzn-RequestId", call->request_id },
		{ "X-Amzn-Trace-Id", call->trace_id },
		{ "X-Amz-Executed-Version", "$LATEST" },
		{ "X-Amz-Function-Error", answer->failed ? "Unhandled" : NULL },
		{ "X-Amz-Log-Result", call->tail ? log : NULL },
	};

	if (call->tail)
		sci_base64_encode(tail, sci_log_tail_copy(call->tail, tail), log);
	sci_exchange_reply(arg, 200, headers, sizeof headers / sizeof *headers, answer->body);
}

static void reply_accepted(struct sci_exchange *exchange, const char *request_id,
	const char *trace_id)
{
	const struct sci_header headers[] = {
		{ "x-amzn-RequestId", request_id },
		{ "X-Amzn-Trace-Id", trace_id },
	};

	sci_exchange_reply(exchange, 202, headers, sizeof headers / sizeof *headers, NULL);
}

static bool fail_submit(enum sci_submitted submitted, struct failure *failure)
{
	switch (submitted) {
	case SCI_SUBMITTED_THROTTLED:
		failure->reason = "ConcurrentInvocationLimitExceeded";
		return fail(failure, 429, "TooManyRequestsException", "Rate Exceeded.");
	case SCI_SUBMITTED_STOPPING:
		return fail(failure, 500, "ServiceException", "The local Lambda is stopping");
	default:
		return fail_without_memory(failure);
	}
}

static bool submit(struct sci_invoke_server *server, const struct request *request,
	struct failure *failure)
{
	char request_id[SCI_REQUEST_ID_BYTES], trace_id[TRACE_MAX + 1];
	struct sci_call *call = make_call(request);

	if (!call)
		return fail_without_memory(failure);
	/* The fleet may answer and free the call before sci_fleet_submit() returns. */
	memcpy(request_id, call->request_id, sizeof request_id);
	snprintf(trace_id, sizeof trace_id, "%s", call->trace_id);
	call->is_event = request->asynchronous;
	if (!request->asynchronous) {
		call->answered = on_answered;
		call->arg = request->exchange;
	}
	enum sci_submitted submitted = sci_fleet_submit(server->fleet, call);
	if (submitted != SCI_SUBMITTED) {
		sci_call_discard(call);
		memcpy(failure->request_id, request_id, sizeof request_id);
		return fail_submit(submitted, failure);
	}
	if (request->asynchronous)
		reply_accepted(request->exchange, request_id, trace_id);
	return true;
}

static bool invoke(struct sci_invoke_server *server, const struct request *request,
	struct failure *failure)
{
	if (!request->dry_run)
		return submit(server, request, failure);
	char request_id[SCI_REQUEST_ID_BYTES];
	const struct sci_header headers[] = { { "x-amzn-RequestId", request_id } };

	sci_request_id(request_id);
	sci_exchange_reply(request->exchange, 204, headers, 1, NULL);
	return true;
}

static void handle_invocation(struct sci_invoke_server *server, struct sci_exchange *exchange,
	const char *name, size_t len)
{
	struct request request = { .exchange = exchange };
	struct failure failure = { 0 };

	bool ok = strcmp(sci_exchange_method(exchange), "POST") == 0 ||
		fail(&failure, 405, "MethodNotAllowedException", "An invocation is a POST");
	ok = ok && take_function(server, name, len, &request, &failure) &&
		take_type(&request, &failure) && take_client_context(&request, &failure) &&
		take_tenant(&request, &failure) && take_event(&request, &failure) &&
		invoke(server, &request, &failure);
	if (!ok)
		reply_failure(exchange, &failure);
	free_request(&request);
}

static void handle_inspection(struct sci_invoke_server *server, struct sci_exchange *exchange)
{
	struct failure failure = { 0 };
	char *json = sci_inspect(server->fleet);

	if (json) {
		sci_exchange_reply_json(exchange, 200, NULL, 0, json, strlen(json));
		free(json);
		return;
	}
	fail_without_memory(&failure);
	reply_failure(exchange, &failure);
}

/* Answer a request that the listener does not admit. */
static void refuse(struct sci_exchange *exchange, unsigned status, const char *message, void *arg)
{
	const char *type = status == 403 ? "AccessDeniedException"
		: status == 413          ? "RequestEntityTooLargeException"
					 : "InvalidRequestContentException";
	struct failure failure = { 0 };

	(void)arg;
	fail(&failure, status, type, "%s", message);
	reply_failure(exchange, &failure);
}

static void handle(struct sci_exchange *exchange, void *arg)
{
	const char *path = sci_exchange_path(exchange);
	struct failure failure = { 0 };
	size_t len;

	/* A browser's preflight request; the exchange adds the CORS headers. */
	if (strcmp(sci_exchange_method(exchange), "OPTIONS") == 0 &&
		sci_exchange_header(exchange, "Origin")) {
		sci_exchange_reply(exchange, 204, NULL, 0, NULL);
		return;
	}
	const char *name = function_in_path(path, &len);
	if (name) {
		handle_invocation(arg, exchange, name, len);
		return;
	}
	if (strcmp(path, "/_scopecache/environments") == 0) {
		handle_inspection(arg, exchange);
		return;
	}
	fail(&failure, 404, "UnknownOperationException",
		"There is no such operation: POST " PREFIX "NAME" SUFFIX " invokes a function");
	reply_failure(exchange, &failure);
}

/* ---- Open, stop, close. ---- */

int sci_invoke_server_open(struct event_base *base, struct sci_fleet *fleet,
	const struct sci_invoke_address *address, struct sci_invoke_server **out,
	struct sc_error *error)
{
	struct sci_invoke_server *server = calloc(1, sizeof *server);

	if (!server)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	struct sci_http_listener_options options = {
		.host = address->host,
		.port = address->port,
		.idle_seconds = IDLE_SECONDS,
		.head_ms = HEAD_MS,
		.body_ms = BODY_MS,
		.check_ms = CHECK_MS,
		.max_head_bytes = HEAD_BYTES,
		.max_body_bytes = REQUEST_MAX,
		.any_host = address->any_host,
		.origins = address->origins,
		.origin_count = address->origin_count,
		.refuse = refuse,
		.handle = handle,
		.arg = server,
	};
	server->fleet = fleet;
	int rc = sci_http_listener_open(base, &options, &server->listener, error);
	if (rc < 0) {
		free(server);
		return rc;
	}
	*out = server;
	return 0;
}

uint16_t sci_invoke_server_port(const struct sci_invoke_server *server)
{
	return sci_http_listener_port(server->listener);
}

bool sci_invoke_server_is_busy(const struct sci_invoke_server *server)
{
	return sci_http_listener_is_busy(server->listener);
}

void sci_invoke_server_stop(struct sci_invoke_server *server)
{
	sci_http_listener_stop(server->listener);
}

void sci_invoke_server_close(struct sci_invoke_server *server)
{
	if (!server)
		return;
	sci_http_listener_close(server->listener);
	free(server);
}
