/* Lambda sends SIGTERM only to a function with an extension. An internal extension that registers
 * for no events is enough, but the init phase ends only when it asks for its next event too. That
 * request is never answered, so it needs no thread: it is sent, and its connection stays open until
 * the function ends.
 *
 * Lambda knows an extension by the id in the answer to its registration. If that answer is lost,
 * the extension cannot ask, and the init phase ends at its time limit. */
#include "lambda/registration.h"

#include "base/clock.h"
#include "base/error.h"
#include "http/http_request.h"
#include "lambda/request_headers.h"

#include <string.h>

#define BASE       "/2020-01-01/extension"
#define ANSWER_MAX ((size_t)64 * 1024)
#define ANSWER_MS  2000

/* The type in {"errorMessage":...,"errorType":"Extension.TooManyExtensions"}, which follows the
 * message; its length is 0 when there is none. It is only logged, so JSON is not parsed. */
static const char *error_type(const char *body, size_t *len)
{
	static const char name[] = "\"errorType\":\"";
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.";
	const char *found = strstr(body, name);

	*len = found ? strspn(found + sizeof name - 1, letters) : 0;
	return found ? found + sizeof name - 1 : "";
}

static int refused(const struct sci_http_response *response, const char *body,
	struct sc_error *error)
{
	size_t len;
	const char *type = error_type(body, &len);

	if (response->status == 404)
		sci_error_set(error, SC_E_PROTOCOL, 0,
			"this platform does not serve the Extensions API (404)");
	else
		sci_error_set(error, SC_E_PROTOCOL, 0, "it was refused with %d%s%.*s",
			response->status, len > 0 ? " " : "", len > 64 ? 64 : (int)len, type);
	error->http_status = response->status;
	return SC_E_PROTOCOL;
}

/* The id in the answer to a registration, or NULL. */
static const char *find_id(const struct sci_http_response *response, char *data)
{
	struct sci_http_header header;
	size_t at = 0;

	while (sci_http_header_next(response, data, &at, &header))
		if (sci_http_header_is(&header, "Lambda-Extension-Identifier") &&
			header.value_len > 0) {
			header.value[header.value_len] = '\0';
			return header.value;
		}
	return NULL;
}

/* Returns 0 with *id set, which points into `in`; SCI_REGISTRATION_INTERRUPTED, or an error. */
static int register_name(struct sci_registration *registration, const char *name,
	struct sci_http_interrupt *interrupt, const char **id, struct sc_error *error)
{
	static const char body[] = "{\"events\":[]}";
	const struct sci_request_header own[] = {
		{ "Lambda-Extension-Name", name },
		{ "Content-Type", "application/json" },
	};
	struct sci_buffer *head = &registration->head;
	const struct sci_http_request request = {
		.head = head,
		.body = body,
		.body_len = sizeof body - 1,
		.max_answer = ANSWER_MAX,
		.interrupt = interrupt,
		.deadline_mono_ms = sci_mono_ms() + ANSWER_MS,
	};
	struct sci_http_response response;

	sci_http_request_line(head, "POST", BASE "/register");
	int rc = sci_request_headers(head, &registration->connection.address, own,
		sizeof own / sizeof own[0]);
	sci_http_request_length(head, sizeof body - 1);
	sci_http_request_end(head);
	if (rc == SC_E_INVAL)
		return sci_error_set(error, rc, 0, "its name has control characters");
	if (sci_buffer_result(head) < 0)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	rc = sci_http_connection_exchange(&registration->connection, &request, &registration->in,
		&response, error);
	if (rc != SCI_HTTP_ANSWERED)
		return rc < 0 ? rc : SCI_REGISTRATION_INTERRUPTED;
	if (response.status != 200)
		return refused(&response, registration->in.data + response.body_at, error);
	*id = find_id(&response, registration->in.data);
	return *id ? 0
		   : sci_error_set(error, SC_E_PROTOCOL, 0,
			     "the answer to it has no Lambda-Extension-Identifier");
}

/* Ask for the next event, of which there will be none. */
static int ask(struct sci_registration *registration, const char *id, struct sc_error *error)
{
	const struct sci_request_header own[] = { { "Lambda-Extension-Identifier", id } };
	struct sci_buffer *head = &registration->head;
	const struct sci_http_request request = { .head = head,
		.deadline_mono_ms = sci_mono_ms() + ANSWER_MS };

	sci_buffer_clear(head);
	sci_http_request_line(head, "GET", BASE "/event/next");
	int rc = sci_request_headers(head, &registration->connection.address, own, 1);
	sci_http_request_end(head);
	if (rc == SC_E_INVAL)
		return sci_error_set(error, SC_E_PROTOCOL, 0,
			"its Lambda-Extension-Identifier has control characters");
	if (sci_buffer_result(head) < 0)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	return sci_http_connection_send(&registration->connection, &request, error);
}

int sci_registration_open(struct sci_registration *registration,
	const struct sci_http_address *address, const char *name,
	struct sci_http_interrupt *interrupt, struct sc_error *error)
{
	const char *id = NULL;

	registration->connection.address = *address;
	int rc = register_name(registration, name, interrupt, &id, error);
	if (rc == 0)
		rc = ask(registration, id, error);
	sci_buffer_fini(&registration->head);
	sci_buffer_fini(&registration->in);
	if (rc != SCI_REGISTERED)
		sci_http_connection_close(&registration->connection);
	return rc;
}

bool sci_registration_was_refused(const struct sci_registration *registration)
{
	return registration->connection.fd >= 0 &&
		sci_http_connection_has_answer(&registration->connection);
}

void sci_registration_close(struct sci_registration *registration)
{
	sci_http_connection_close(&registration->connection);
}
