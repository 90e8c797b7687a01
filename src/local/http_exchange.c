/* Reading a request, and answering it: to answer resumes the connection, and libmicrohttpd then
 * calls the listener for it once more, which queues the answer. */
#include "local/http_exchange.h"

#include "local/http_admission.h"
#include "local/http_exchange_state.h"
#include "local/http_socket.h"

#include <microhttpd.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* A longer header of an answer does not fit into the connection's memory, and is left out. */
#define ANSWER_HEADER_MAX 8192

const char *sci_exchange_method(const struct sci_exchange *exchange)
{
	return exchange->method;
}

const char *sci_exchange_path(const struct sci_exchange *exchange)
{
	return exchange->path;
}

const char *sci_exchange_parameter(const struct sci_exchange *exchange, const char *name)
{
	return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *sci_exchange_header(const struct sci_exchange *exchange, const char *name)
{
	const char *value =
		MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);

	return value && *value ? value : NULL;
}

const char *sci_exchange_trailer(const struct sci_exchange *exchange, const char *name)
{
	const char *value =
		MHD_lookup_connection_value(exchange->connection, MHD_FOOTER_KIND, name);

	return value && *value && !sci_http_has_controls(value) ? value : NULL;
}

size_t sci_exchange_body_length(const struct sci_exchange *exchange)
{
	return exchange->body_len;
}

struct sci_shared_bytes *sci_exchange_body(const struct sci_exchange *exchange)
{
	return exchange->body;
}

bool sci_exchange_peer(const struct sci_exchange *exchange, struct sci_peer *peer)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (!info)
		return false;
	peer->fd = info->connect_fd;
	peer->len = sizeof peer->address;
	return getpeername(peer->fd, (struct sockaddr *)&peer->address, &peer->len) == 0;
}

bool sci_exchange_is_alive(const struct sci_exchange *exchange)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;

	if (!info)
		return false;
	ssize_t got = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

/* Add the headers with which a browser lets a page of another origin read an answer, or send more
 * than a form could (the Fetch standard, "CORS protocol"). */
static void allow_origin(const struct sci_exchange *exchange, struct MHD_Response *response)
{
	const char *headers = sci_exchange_header(exchange, "Access-Control-Request-Headers");

	MHD_add_response_header(response, "Access-Control-Allow-Origin", exchange->origin);
	MHD_add_response_header(response, "Access-Control-Expose-Headers", "*");
	MHD_add_response_header(response, "Vary", "Origin");
	if (strcmp(exchange->method, "OPTIONS") != 0)
		return;
	MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, POST");
	if (headers && strlen(headers) <= ANSWER_HEADER_MAX)
		MHD_add_response_header(response, "Access-Control-Allow-Headers", headers);
}

static void answer(struct sci_exchange *exchange, unsigned status, const struct sci_header *headers,
	size_t count, struct MHD_Response *response)
{
	for (size_t i = 0; i < count && response; i++)
		if (headers[i].value && strlen(headers[i].value) <= ANSWER_HEADER_MAX)
			MHD_add_response_header(response, headers[i].name, headers[i].value);
	if (response && exchange->origin)
		allow_origin(exchange, response);
	exchange->status = status;
	exchange->answer = response;
	exchange->failed = !response;
	if (!exchange->suspended)
		return;
	exchange->suspended = false;
	MHD_resume_connection(exchange->connection);
	exchange->run(exchange->listener);
}

static void release_body(void *body)
{
	sci_shared_bytes_release(body);
}

void sci_exchange_reply(struct sci_exchange *exchange, unsigned status,
	const struct sci_header *headers, size_t count, struct sci_shared_bytes *body)
{
	static char nothing[1];

	struct MHD_Response *response = body && body->buffer.len > 0
		? MHD_create_response_from_buffer_with_free_callback_cls(body->buffer.len,
			  body->buffer.data, release_body, sci_shared_bytes_acquire(body))
		: MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
	if (!response && body && body->buffer.len > 0)
		sci_shared_bytes_release(body);
	answer(exchange, status, headers, count, response);
}

void sci_exchange_reply_json(struct sci_exchange *exchange, unsigned status,
	const struct sci_header *headers, size_t count, const char *json, size_t len)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len,
		(void *)(uintptr_t)json, MHD_RESPMEM_MUST_COPY);

	if (response)
		MHD_add_response_header(response, "Content-Type", "application/json");
	answer(exchange, status, headers, count, response);
}
