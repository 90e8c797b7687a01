/* What evhttp leaves to its user, in one place: binding with errors that say what is wrong, bounded
 * input, and a listener that does not spin when file descriptors run out.
 *
 * evhttp waits for a whole body before it calls anybody, so the bound on a body is a bound on memory
 * per connection. Reading stops (the peer is held back by TCP) when a connection has that much
 * unhandled input, whatever it consists of. evhttp does not look at a connection while its request is
 * unanswered; sci_request_alive() does. */
#include "local/http_listener.h"

#include "base/error.h"
#include "local/microtime.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG          1024
#define READ_BYTES       (256 * 1024)
#define ACCEPT_PAUSE_MS  100
#define METHODS                                                                                    \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

struct sci_http_listener {
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	struct event *resume;
	uint16_t port;
	size_t max_input_bytes;
};

static int bind_to(const struct addrinfo *address)
{
	int one = 1;
	int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		address->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	/* Inherited by every connection that is accepted: an answer must not wait for an acknowledgement. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int os_errno = errno;
	close(fd);
	errno = os_errno;
	return -1;
}

static int open_socket(const char *host, uint16_t port, struct sc_error *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *addresses;
	char service[8];

	snprintf(service, sizeof service, "%u", port);
	int rc = getaddrinfo(host, service, &hints, &addresses);
	if (rc != 0)
		return sci_error_set(error, SC_E_IO, 0, "cannot listen on %s: %s", host, gai_strerror(rc));
	int fd = bind_to(addresses);
	int os_errno = errno;
	freeaddrinfo(addresses);
	if (fd >= 0)
		return fd;
	if (os_errno == EADDRINUSE)
		return sci_error_set(error, SC_E_IO, 0,
			"port %u is in use: end what listens on %s:%u, or name another port (0: any that is free)",
			port, host, port);
	return sci_error_set(error, SC_E_IO, os_errno, "cannot listen on %s:%u", host, port);
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static struct bufferevent *new_connection(struct event_base *base, void *arg)
{
	const struct sci_http_listener *listener = arg;
	struct bufferevent *connection = bufferevent_socket_new(base, -1, 0);

	if (connection) {
		bufferevent_set_max_single_read(connection, READ_BYTES);
		bufferevent_set_max_single_write(connection, READ_BYTES);
		bufferevent_setwatermark(connection, EV_READ, 0, listener->max_input_bytes);
	}
	return connection;
}

static void resume_accepting(evutil_socket_t fd, short what, void *arg)
{
	const struct sci_http_listener *listener = arg;

	(void)fd;
	(void)what;
	if (listener->bound)
		evconnlistener_enable(evhttp_bound_socket_get_listener(listener->bound));
}

/* accept() failed, most likely for want of file descriptors. The connection is still waiting, so
 * trying at once would be trying without end. */
static void pause_accepting(struct evconnlistener *socket, void *arg)
{
	struct sci_http_listener *listener = arg;
	struct timeval pause = sci_timeval_ms(ACCEPT_PAUSE_MS);

	(void)arg;
	evconnlistener_disable(socket);
	if (event_add(listener->resume, &pause) < 0)
		evconnlistener_enable(socket);
}

static int start_http(struct event_base *base, const struct sci_http_listener_options *options,
	struct sci_http_listener *listener)
{
	listener->http = evhttp_new(base);
	listener->resume = evtimer_new(base, resume_accepting, listener);
	if (!listener->http || !listener->resume)
		return SC_E_NOMEM;
	evhttp_set_allowed_methods(listener->http, METHODS);
	evhttp_set_max_headers_size(listener->http, (ev_ssize_t)options->max_header_bytes);
	evhttp_set_max_body_size(listener->http, (ev_ssize_t)options->max_body_bytes);
	evhttp_set_flags(listener->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_default_content_type(listener->http, NULL);
	evhttp_set_bevcb(listener->http, new_connection, listener);
	evhttp_set_gencb(listener->http, options->handle, options->arg);
	return 0;
}

int sci_http_listener_open(struct event_base *base, const struct sci_http_listener_options *options,
	struct sci_http_listener **out, struct sc_error *error)
{
	struct sci_http_listener *listener = calloc(1, sizeof *listener);

	if (!listener)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	listener->max_input_bytes = options->max_body_bytes + options->max_header_bytes;
	int fd = open_socket(options->host, options->port, error);
	if (fd < 0) {
		sci_http_listener_close(listener);
		return fd;
	}
	if (start_http(base, options, listener) == 0)
		listener->bound = evhttp_accept_socket_with_handle(listener->http, fd);
	if (!listener->bound) {
		close(fd);
		sci_http_listener_close(listener);
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	}
	evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(listener->bound), pause_accepting);
	listener->port = bound_port(fd);
	*out = listener;
	return 0;
}

uint16_t sci_http_listener_port(const struct sci_http_listener *listener)
{
	return listener->port;
}

void sci_http_listener_stop(struct sci_http_listener *listener)
{
	if (listener->bound)
		evhttp_del_accept_socket(listener->http, listener->bound);
	listener->bound = NULL;
}

void sci_http_listener_close(struct sci_http_listener *listener)
{
	if (!listener)
		return;
	if (listener->http)
		evhttp_free(listener->http);
	if (listener->resume)
		event_free(listener->resume);
	free(listener);
}

int sci_request_alive(struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	char byte;

	if (!connection)
		return 0;
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
	ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

const char *sci_request_header(struct evhttp_request *request, const char *name)
{
	const char *value = evhttp_find_header(evhttp_request_get_input_headers(request), name);

	return value && *value ? value : NULL;
}

void sci_reply_set(struct evhttp_request *request, const char *name, const char *value)
{
	if (value)
		evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

void sci_reply_send(struct evhttp_request *request, int status, struct evbuffer *body)
{
	evhttp_send_reply(request, status, NULL, body);
}

void sci_reply_json(struct evhttp_request *request, int status, const char *json, size_t len)
{
	sci_reply_set(request, "Content-Type", "application/json");
	/* The request has an output buffer of its own, so that a small answer needs no other. */
	evbuffer_add(evhttp_request_get_output_buffer(request), json, len);
	sci_reply_send(request, status, NULL);
}
