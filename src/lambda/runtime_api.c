/* Three requests over one connection. Each may reach the server twice when the connection breaks
 * at the wrong moment (http_connection.h). That is harmless: the server handles an event that it
 * sent to a closed connection, and refuses a second answer to one event by its id. */
#include "lambda/runtime_api.h"

#include "base/error.h"
#include "http/http_bytes.h"
#include "http/http_request.h"
#include "lambda/request_headers.h"

#include <string.h>

#define BASE      "/2018-06-01/runtime"
#define REPLY_MAX ((size_t)64 * 1024)

static int write_next(struct sci_runtime_api *api)
{
	struct sci_buffer *head = &api->next_head;

	sci_http_request_line(head, "GET", BASE "/invocation/next");
	int rc = sci_request_headers(head, &api->connection.address, NULL, 0);
	sci_http_request_end(head);
	return rc < 0 ? rc : sci_buffer_result(head);
}

int sci_runtime_api_init(struct sci_runtime_api *api, const char *address,
	struct sci_http_interrupt *interrupt, struct sc_error *error)
{
	api->connection.fd = -1;
	api->interrupt = interrupt;
	int rc = sci_http_address_read(&api->connection.address, address, error);
	if (rc < 0)
		return rc;
	rc = write_next(api);
	return rc < 0 ? sci_error_set(error, rc, 0, "%s", sc_result_text(rc)) : 0;
}

void sci_runtime_api_fini(struct sci_runtime_api *api)
{
	sci_http_connection_close(&api->connection);
	sci_buffer_fini(&api->next_head);
	sci_buffer_fini(&api->post_head);
	sci_buffer_fini(&api->event);
	sci_buffer_fini(&api->reply);
}

static int wrong_status(struct sc_error *error, const char *request, int status)
{
	int rc = sci_error_set(error, SC_E_PROTOCOL, 0, "%s was answered %d", request, status);
	if (error)
		error->http_status = status;
	return rc;
}

int sci_runtime_api_next(struct sci_runtime_api *api, struct sci_event *event,
	struct sc_error *error)
{
	const struct sci_http_request request = {
		.head = &api->next_head,
		.max_answer = SCI_EVENT_MAX,
		.interrupt = api->interrupt,
	};
	struct sci_http_response response = { 0 };

	*event = (struct sci_event){ 0 };
	int rc = sci_http_connection_exchange(&api->connection, &request, &api->event, &response,
		error);
	if (rc < 0) {
		sci_event_salvage(event, &response, &api->event);
		event->is_cut_off |= rc == SC_E_IO;
		return rc;
	}
	if (rc == SCI_HTTP_INTERRUPTED)
		return SCI_EVENT_WAIT_INTERRUPTED;
	if (response.status != 200)
		return wrong_status(error, "GET /invocation/next", response.status);
	sci_event_read(event, &response, api->event.data);
	if (!sci_event_is_answerable(event)) {
		event->request_id = NULL;
		return sci_error_set(error, SC_E_PROTOCOL, 0,
			"an event came without a usable request id, and cannot be answered");
	}
	return SCI_EVENT_CAME;
}

/* A value with bytes that may be received but not sent is omitted; the answer is valid without it.
 * So is a value with a space, which may have replaced another byte. */
static bool can_be_sent_back(const char *text)
{
	return text && sci_http_is_text_all(text, strlen(text)) && !strchr(text, ' ');
}

/* All of the head but its first line. invocation_id may be NULL. */
static int write_post(struct sci_runtime_api *api, const char *invocation_id,
	const struct sci_post *post)
{
	struct sci_buffer *head = &api->post_head;
	const struct sci_request_header own[] = {
		{ "Content-Type", post->content_type },
		{ "Lambda-Runtime-Function-Error-Type", post->error_type },
		{ "Lambda-Runtime-Invocation-Id",
			can_be_sent_back(invocation_id) ? invocation_id : NULL },
	};

	int rc = sci_request_headers(head, &api->connection.address, own,
		sizeof own / sizeof own[0]);
	sci_http_request_length(head, post->len);
	sci_http_request_end(head);
	return rc < 0 ? rc : sci_buffer_result(head);
}

static int send_post(struct sci_runtime_api *api, const struct sci_post *post,
	struct sc_error *error)
{
	const struct sci_http_request request = {
		.head = &api->post_head,
		.body = post->body,
		.body_len = post->len,
		.max_answer = REPLY_MAX,
		.deadline_mono_ms = post->deadline_mono_ms,
		.hurry = api->interrupt,
	};
	struct sci_http_response response;

	int rc = sci_http_connection_exchange(&api->connection, &request, &api->reply, &response,
		error);
	if (rc < 0)
		return rc;
	if (response.status < 200 || response.status > 299)
		return wrong_status(error, post->error_type ? "the error" : "the response",
			response.status);
	return 0;
}

static int cannot_write(struct sc_error *error, int rc)
{
	return sci_error_set(error, rc, 0, "the answer cannot be written: %s", sc_result_text(rc));
}

int sci_runtime_api_post(struct sci_runtime_api *api, const struct sci_event *event,
	const struct sci_post *post, struct sc_error *error)
{
	sci_buffer_clear(&api->post_head);
	int rc = sci_http_request_line(&api->post_head, "POST", BASE "/invocation/%s/%s",
		event->request_id, post->error_type ? "error" : "response");
	if (rc == 0)
		rc = write_post(api, event->invocation_id, post);
	return rc < 0 ? cannot_write(error, rc) : send_post(api, post, error);
}

int sci_runtime_api_post_init_error(struct sci_runtime_api *api, const struct sci_post *post,
	struct sc_error *error)
{
	sci_buffer_clear(&api->post_head);
	int rc = sci_http_request_line(&api->post_head, "POST", BASE "/init/error");
	if (rc == 0)
		rc = write_post(api, NULL, post);
	return rc < 0 ? cannot_write(error, rc) : send_post(api, post, error);
}
