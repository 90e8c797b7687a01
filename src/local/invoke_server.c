/* From a request to a call, and from an answer to a response. Errors have Lambda's shape: a type in the
 * header x-amzn-errortype, which is where the SDKs look first, and a message in JSON.
 *
 * Accounts, regions and qualifiers in a function's name are checked for their form and otherwise
 * accepted: there is one version here, $LATEST, and code that calls an alias or another account's
 * function should find it. The qualifier shows in the ARN that the function sees. */
#include "local/invoke_server.h"

#include "base/json_text.h"
#include "local/base64.h"
#include "local/call.h"
#include "local/fleet.h"
#include "local/http_listener.h"
#include "local/inspect.h"
#include "local/json_syntax.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX        (6 * 1024 * 1024)
#define EVENT_MAX          (1024 * 1024)
#define BODY_MAX           (16 * 1024 * 1024)
#define HEADER_MAX         (64 * 1024)
#define CLIENT_CONTEXT_MAX 3583
#define TENANT_MAX         256
#define TRACE_MAX          1024
#define PREFIX             "/2015-03-31/functions/"

struct sci_invoke_server {
	struct sci_fleet *fleet;
	struct sci_http_listener *listener;
};

/* ---- Errors. ---- */

struct failure {
	int status;
	const char *type;
	const char *reason; /* or NULL */
	char message[256];
};

static bool fail(struct failure *failure, int status, const char *type, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Fill in a failure; returns false, so that a check can end with it. */
static bool fail(struct failure *failure, int status, const char *type, const char *format, ...)
{
	va_list args;

	failure->status = status;
	failure->type = type;
	va_start(args, format);
	vsnprintf(failure->message, sizeof failure->message, format, args);
	va_end(args);
	return false;
}

static void reply_failure(struct evhttp_request *request, const struct failure *failure)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	char request_id[SCI_REQUEST_ID_BYTES];
	struct sci_buffer json = { 0 };

	if (!evhttp_find_header(headers, "x-amzn-RequestId")) {
		sci_request_id(request_id);
		sci_reply_set(request, "x-amzn-RequestId", request_id);
	}
	int rc = sci_buffer_printf(&json, "{\"Type\":\"%s\",", failure->status < 500 ? "User" : "Service");
	if (rc == 0 && failure->reason)
		rc = sci_buffer_printf(&json, "\"Reason\":\"%s\",", failure->reason);
	if (rc == 0)
		rc = sci_buffer_printf(&json, "\"Message\":");
	if (rc == 0)
		rc = sci_json_text(&json, failure->message, strlen(failure->message));
	if (rc == 0)
		rc = sci_buffer_append(&json, "}", 1);
	sci_reply_set(request, "x-amzn-errortype", failure->type);
	if (failure->status == 429)
		sci_reply_set(request, "Retry-After", "1");
	sci_reply_json(request, failure->status, json.data, rc == 0 ? json.len : 0);
	sci_buffer_fini(&json);
}

/* ---- From a request to a call. ---- */

/* What a request asks for, as far as it is understood. */
struct asked {
	struct sci_function_name name;
	struct sci_deployment *function;
	bool asynchronous, dry_run, tail;
	char *client_context; /* decoded; or NULL */
	struct evbuffer *body;
};

/* The part of the path between PREFIX and /invocations, decoded; or NULL when the path is another. */
static char *function_in_path(const char *path, size_t *len)
{
	static const char suffix[] = "/invocations";
	const char *name, *end;
	char *segment, *decoded;

	if (!path || strncmp(path, PREFIX, sizeof PREFIX - 1) != 0)
		return NULL;
	name = path + sizeof PREFIX - 1;
	end = strchr(name, '/');
	if (!end || strcmp(end, suffix) != 0)
		return NULL;
	segment = strndup(name, (size_t)(end - name));
	decoded = segment ? evhttp_uridecode(segment, 0, len) : NULL;
	free(segment);
	return decoded;
}

static bool take_qualifier(struct evhttp_request *request, struct asked *asked, struct failure *failure)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	struct evkeyvalq pairs;
	bool ok = true;

	if (!query || evhttp_parse_query_str(query, &pairs) < 0)
		return true;
	const char *qualifier = evhttp_find_header(&pairs, "Qualifier");
	if (qualifier && sci_qualifier_check(qualifier, strlen(qualifier)) < 0)
		ok = fail(failure, 400, "InvalidParameterValueException", "The qualifier is not valid");
	else if (qualifier && *asked->name.qualifier && strcmp(qualifier, asked->name.qualifier) != 0)
		ok = fail(failure, 400, "InvalidParameterValueException",
			"The qualifier in the function's name is not the one that is asked for");
	else if (qualifier)
		snprintf(asked->name.qualifier, sizeof asked->name.qualifier, "%s", qualifier);
	evhttp_clear_headers(&pairs);
	return ok;
}

static bool find_function(const struct sci_invoke_server *server, struct asked *asked, struct failure *failure)
{
	const struct sci_fleet_options *fleet = sci_fleet_options_of(server->fleet);

	for (size_t i = 0; i < fleet->function_count; i++) {
		if (strcmp(fleet->functions[i].name, asked->name.name) != 0)
			continue;
		asked->function = &fleet->functions[i];
		return true;
	}
	return fail(failure, 404, "ResourceNotFoundException",
		"Function not found: arn:aws:lambda:us-east-1:" SCI_ACCOUNT_ID ":function:%s", asked->name.name);
}

static bool take_name(const struct sci_invoke_server *server, struct evhttp_request *request, const char *text,
	size_t len, struct asked *asked, struct failure *failure)
{
	if (sci_function_name_parse(text, len, &asked->name) < 0)
		return fail(failure, 400, "ValidationException", "The function's name is not valid");
	return take_qualifier(request, asked, failure) && find_function(server, asked, failure);
}

static bool take_type(struct evhttp_request *request, struct asked *asked, struct failure *failure)
{
	const char *type = sci_request_header(request, "X-Amz-Invocation-Type");
	const char *log_type = sci_request_header(request, "X-Amz-Log-Type");

	asked->asynchronous = type && strcmp(type, "Event") == 0;
	asked->dry_run = type && strcmp(type, "DryRun") == 0;
	asked->tail = log_type && strcmp(log_type, "Tail") == 0 && !asked->asynchronous;
	if (type && !asked->asynchronous && !asked->dry_run && strcmp(type, "RequestResponse") != 0)
		return fail(failure, 400, "InvalidParameterValueException",
			"The invocation type is RequestResponse, Event or DryRun");
	if (log_type && strcmp(log_type, "Tail") != 0 && strcmp(log_type, "None") != 0)
		return fail(failure, 400, "InvalidParameterValueException", "The log type is Tail or None");
	return true;
}

static bool take_client_context(struct evhttp_request *request, struct asked *asked, struct failure *failure)
{
	const char *encoded = sci_request_header(request, "X-Amz-Client-Context");
	size_t len = encoded ? strlen(encoded) : 0, decoded_len = 0, offset;

	if (len == 0)
		return true;
	char *decoded = malloc(len + 1);
	if (!decoded)
		return fail(failure, 500, "ServiceException", "out of memory");
	if (len > CLIENT_CONTEXT_MAX || sci_base64_decode(encoded, len, decoded, &decoded_len) < 0 ||
		sci_json_syntax(decoded, decoded_len, &offset) < 0) {
		free(decoded);
		return fail(failure, 400, "InvalidRequestContentException",
			"The client context must be base64-encoded JSON of at most %d bytes", CLIENT_CONTEXT_MAX);
	}
	/* It travels on in a header: its line breaks, which are only white space, must not end it. */
	for (size_t i = 0; i < decoded_len; i++)
		if (decoded[i] == '\r' || decoded[i] == '\n')
			decoded[i] = ' ';
	decoded[decoded_len] = '\0';
	asked->client_context = decoded;
	return true;
}

static bool take_body(struct evhttp_request *request, struct asked *asked, struct failure *failure)
{
	size_t limit = asked->asynchronous ? EVENT_MAX : REQUEST_MAX, offset;
	const char *type = asked->asynchronous ? "Event" : "RequestResponse";

	asked->body = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(asked->body);
	if (len > limit)
		return fail(failure, 413, "RequestEntityTooLargeException",
			"%zu byte payload is too large for the %s invocation type (limit %zu bytes)", len, type,
			limit);
	/* Nothing means an empty object, as in Lambda. */
	if (len == 0 && evbuffer_add(asked->body, "{}", len = 2) < 0)
		return fail(failure, 500, "ServiceException", "out of memory");
	const char *text = (const char *)evbuffer_pullup(asked->body, -1);
	if (!text)
		return fail(failure, 500, "ServiceException", "out of memory");
	int rc = sci_json_syntax(text, len, &offset);
	if (rc < 0)
		return fail(failure, 400, "InvalidRequestContentException",
			"Could not parse request body into json: %s at byte %zu",
			rc == SC_E_TOO_LARGE ? "nested too deep" : "not JSON", offset);
	return true;
}

/* A header's value, when it is no longer than `max`. */
static const char *bounded(struct evhttp_request *request, const char *name, size_t max)
{
	const char *value = sci_request_header(request, name);

	return value && strlen(value) <= max ? value : NULL;
}

static struct sci_call *make_call(struct evhttp_request *request, const struct asked *asked)
{
	struct sci_call_texts texts = {
		.qualifier = asked->name.qualifier,
		.trace_id = bounded(request, "X-Amzn-Trace-Id", TRACE_MAX),
		.client_context = asked->client_context,
		.tenant_id = bounded(request, "X-Amz-Tenant-Id", TENANT_MAX),
	};
	struct sci_call *call = sci_call_new(asked->function, &texts);

	if (!call)
		return NULL;
	if (asked->tail)
		call->tail = calloc(1, sizeof *call->tail);
	if ((asked->tail && !call->tail) || evbuffer_add_buffer(call->event, asked->body) < 0) {
		sci_call_discard(call);
		return NULL;
	}
	call->may_wait = asked->asynchronous;
	return call;
}

/* ---- From an answer to a response. ---- */

static void set_log_result(struct evhttp_request *request, const struct sci_log_tail *tail)
{
	char text[SCI_LOG_TAIL_BYTES], encoded[SCI_BASE64_BYTES(SCI_LOG_TAIL_BYTES) + 1];

	sci_base64_encode(text, sci_log_tail_copy(tail, text), encoded);
	sci_reply_set(request, "X-Amz-Log-Result", encoded);
}

static void on_answered(struct sci_call *call, const struct sci_answer *answer, void *arg)
{
	struct evhttp_request *request = arg;

	sci_reply_set(request, "Content-Type", answer->content_type);
	sci_reply_set(request, "X-Amz-Executed-Version", "$LATEST");
	if (answer->failed)
		sci_reply_set(request, "X-Amz-Function-Error", "Unhandled");
	if (call->tail)
		set_log_result(request, call->tail);
	sci_reply_send(request, 200, answer->body);
}

static bool submit(struct sci_invoke_server *server, struct evhttp_request *request, struct sci_call *call,
	struct failure *failure)
{
	bool asynchronous = call->may_wait;

	/* What is known of the call is said before it is given away: it may be answered at once. */
	sci_reply_set(request, "x-amzn-RequestId", call->request_id);
	sci_reply_set(request, "X-Amzn-Trace-Id", call->trace_id);
	if (!asynchronous) {
		call->answered = on_answered;
		call->arg = request;
	}
	int rc = sci_fleet_submit(server->fleet, call);
	if (rc == 0) {
		if (asynchronous)
			sci_reply_send(request, 202, NULL);
		return true;
	}
	sci_call_discard(call);
	if (rc == SC_E_INVAL)
		return fail(failure, 500, "ServiceException", "The local Lambda is stopping");
	failure->reason = "ConcurrentInvocationLimitExceeded";
	return fail(failure, 429, "TooManyRequestsException", "Rate Exceeded.");
}

static bool invoke(struct sci_invoke_server *server, struct evhttp_request *request, const struct asked *asked,
	struct failure *failure)
{
	if (asked->dry_run) {
		sci_reply_send(request, 204, NULL);
		return true;
	}
	struct sci_call *call = make_call(request, asked);
	if (!call)
		return fail(failure, 500, "ServiceException", "out of memory");
	return submit(server, request, call, failure);
}

static void handle_invocation(struct sci_invoke_server *server, struct evhttp_request *request,
	const char *name, size_t len)
{
	struct failure failure = { 0 };
	struct asked asked = { 0 };

	bool ok = evhttp_request_get_command(request) == EVHTTP_REQ_POST ||
		fail(&failure, 405, "MethodNotAllowedException", "An invocation is a POST");
	ok = ok && take_name(server, request, name, len, &asked, &failure) &&
		take_type(request, &asked, &failure) && take_client_context(request, &asked, &failure) &&
		take_body(request, &asked, &failure) && invoke(server, request, &asked, &failure);
	if (!ok)
		reply_failure(request, &failure);
	free(asked.client_context);
}

static void handle_inspection(struct sci_invoke_server *server, struct evhttp_request *request)
{
	struct failure failure = { 0 };

	char *json = sci_inspect(server->fleet);
	if (json) {
		sci_reply_json(request, 200, json, strlen(json));
		free(json);
		return;
	}
	fail(&failure, 500, "ServiceException", "out of memory");
	reply_failure(request, &failure);
}

static void handle(struct evhttp_request *request, void *arg)
{
	struct sci_invoke_server *server = arg;
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	struct failure failure = { 0 };
	size_t len;

	char *name = function_in_path(path, &len);
	if (name) {
		handle_invocation(server, request, name, len);
		free(name);
	} else if (path && strcmp(path, "/_scopecache/environments") == 0) {
		handle_inspection(server, request);
	} else {
		fail(&failure, 404, "UnknownOperationException",
			"There is no such operation here: POST " PREFIX "NAME/invocations invokes a function");
		reply_failure(request, &failure);
	}
}

/* ---- Its own life. ---- */

int sci_invoke_server_open(struct event_base *base, struct sci_fleet *fleet, const char *host, uint16_t port,
	struct sci_invoke_server **out, struct sc_error *error)
{
	struct sci_invoke_server *server = calloc(1, sizeof *server);

	if (!server)
		return SC_E_NOMEM;
	struct sci_http_listener_options options = {
		.host = host,
		.port = port,
		.max_body_bytes = BODY_MAX,
		.max_header_bytes = HEADER_MAX,
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
