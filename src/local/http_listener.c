/* libmicrohttpd speaks HTTP and keeps no thread: it has an epoll descriptor, which is one event of the
 * loop, and MHD_run() does what there is to do. It was chosen over libevent's own evhttp, which hands
 * over neither trailers (Go runtimes send the errors of streamed answers in them) nor the beginning of
 * a body (so that one that is too large could be refused in the words of the API that is spoken).
 *
 * libmicrohttpd calls handle_request() again and again for one request: first with its headers, then
 * with each piece of its body, then without one at its end. A request that is not answered by then is
 * suspended; its answer is left in the exchange, the connection resumed, and handle_request() called
 * once more, to queue it. That happens at once, before whoever answers goes on: answering a caller from
 * inside another listener's request is how most answers come, and a caller should not wait for the rest
 * of that. While a connection is suspended nobody looks at it: sci_exchange_is_alive() does. */
#include "local/http_listener.h"

#include "base/error.h"

#include <event2/event.h>
#include <microhttpd.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG         1024
#define CONNECTIONS_MAX 16384

/* How often connections are looked at on which nothing happens. */
#define LOOK_SECONDS 30

struct sci_exchange {
	struct sci_http_listener *listener;
	struct MHD_Connection *connection;
	char *method, *path;
	struct sci_shared_bytes *body;
	size_t body_len;
	bool handled; /* `handle` has been called */
	bool suspended;
	bool failed;                 /* there is no memory to answer: the connection is closed */
	struct MHD_Response *answer; /* to be queued */
	unsigned status;
	LIST_ENTRY(sci_exchange) all;
};

struct sci_http_listener {
	struct sci_http_listener_options options;
	struct MHD_Daemon *daemon;
	struct event *ready, *look;
	bool running; /* MHD_run() is on the stack */
	LIST_HEAD(, sci_exchange) exchanges;
	uint16_t port;
};

/* ---- The address. ---- */

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
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *addresses;
	char service[8];

	snprintf(service, sizeof service, "%u", port);
	int rc = getaddrinfo(host, service, &hints, &addresses);
	if (rc != 0)
		return sci_error_set(error, SC_E_IO, 0, "cannot listen on %s: %s", host,
			gai_strerror(rc));
	int fd = bind_to(addresses);
	int os_errno = errno;
	freeaddrinfo(addresses);
	if (fd >= 0)
		return fd;
	if (os_errno == EADDRINUSE)
		return sci_error_set(error, SC_E_IO, 0,
			"port %u of %s is in use: end what listens there, or name another port "
			"(0: any that is free)",
			port, host);
	return sci_error_set(error, SC_E_IO, os_errno, "cannot listen on port %u of %s", port,
		host);
}

static uint16_t bound_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { .any = { 0 } };
	socklen_t len = sizeof address;

	getsockname(fd, &address.any, &len);
	return ntohs(
		address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* ---- Requests. ---- */

static struct sci_exchange *new_exchange(struct sci_http_listener *listener,
	struct MHD_Connection *connection, const char *method, const char *path)
{
	struct sci_exchange *exchange = calloc(1, sizeof *exchange);

	if (!exchange)
		return NULL;
	exchange->listener = listener;
	exchange->connection = connection;
	exchange->method = strdup(method);
	exchange->path = strdup(path);
	LIST_INSERT_HEAD(&listener->exchanges, exchange, all);
	return exchange;
}

static void free_exchange(struct sci_exchange *exchange)
{
	LIST_REMOVE(exchange, all);
	if (exchange->answer)
		MHD_destroy_response(exchange->answer);
	sci_shared_bytes_release(exchange->body);
	free(exchange->method);
	free(exchange->path);
	free(exchange);
}

/* Keep a piece of the body. A body that is too large is read to its end all the same: a client that
 * is cut off in the middle of sending does not see the answer. Returns false without memory. */
static bool take_piece(struct sci_exchange *exchange, const char *data, size_t len)
{
	size_t max = exchange->listener->options.max_body_bytes;

	exchange->body_len += len;
	if (exchange->body_len > max) {
		sci_shared_bytes_release(exchange->body);
		exchange->body = NULL;
		return true;
	}
	if (!exchange->body) {
		const char *announced = sci_exchange_header(exchange, "Content-Length");
		size_t room = announced ? strtoul(announced, NULL, 10) : len;
		exchange->body = sci_shared_bytes_new();
		/* What was announced is reserved at once; this is a hint, and may fail. */
		if (exchange->body && room <= max)
			sci_buffer_reserve(&exchange->body->buffer, room);
	}
	return exchange->body && sci_buffer_append(&exchange->body->buffer, data, len) == 0;
}

/* The request is whole, or its answer has come. */
static enum MHD_Result go_on(struct sci_exchange *exchange)
{
	if (!exchange->handled) {
		exchange->handled = true;
		exchange->listener->options.handle(exchange, exchange->listener->options.arg);
	}
	if (exchange->failed)
		return MHD_NO;
	if (exchange->answer)
		return MHD_queue_response(exchange->connection, exchange->status, exchange->answer);
	exchange->suspended = true;
	MHD_suspend_connection(exchange->connection);
	return MHD_YES;
}

static enum MHD_Result handle_request(void *arg, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *data, size_t *len,
	void **state)
{
	struct sci_exchange *exchange = *state;

	(void)version;
	if (!exchange) {
		exchange = *state = new_exchange(arg, connection, method, path);
		return exchange && exchange->method && exchange->path ? MHD_YES : MHD_NO;
	}
	if (*len > 0) {
		bool ok = take_piece(exchange, data, *len);
		*len = 0;
		return ok ? MHD_YES : MHD_NO;
	}
	return go_on(exchange);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)connection;
	(void)code;
	if (*state)
		free_exchange(*state);
	*state = NULL;
}

/* ---- The loop. ---- */

/* Do what there is to do; when that is already being done further up the stack, in a moment. */
static void run(struct sci_http_listener *listener)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	bool again = listener->running;

	if (!listener->running) {
		listener->running = true;
		MHD_run(listener->daemon);
		listener->running = false;
		/* No timeout at all says that there is more to do now; others have time until the
		 * next look. */
		again = MHD_get_timeout(listener->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
	}
	if (again)
		event_active(listener->ready, EV_READ, 0);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run(arg);
}

/* Returns false with `fd` closed. */
static bool start_daemon(struct event_base *base, struct sci_http_listener *listener, int fd)
{
	/* From here on the descriptor is the daemon's, unless it does not start. */
	listener->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		handle_request, listener, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, NULL, MHD_OPTION_CONNECTION_TIMEOUT, listener->options.idle_seconds,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, listener->options.connection_bytes,
		MHD_OPTION_END);
	if (!listener->daemon) {
		close(fd);
		return false;
	}
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct timeval every = { .tv_sec = LOOK_SECONDS };
	listener->ready = info
		? event_new(base, info->epoll_fd, EV_READ | EV_PERSIST, on_ready, listener)
		: NULL;
	listener->look = event_new(base, -1, EV_PERSIST, on_ready, listener);
	return listener->ready && listener->look && event_add(listener->ready, NULL) == 0 &&
		event_add(listener->look, &every) == 0;
}

int sci_http_listener_open(struct event_base *base, const struct sci_http_listener_options *options,
	struct sci_http_listener **out, struct sc_error *error)
{
	struct sci_http_listener *listener = calloc(1, sizeof *listener);

	if (!listener)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	LIST_INIT(&listener->exchanges);
	listener->options = *options;
	int fd = open_socket(options->host, options->port, error);
	if (fd < 0) {
		sci_http_listener_close(listener);
		return fd;
	}
	listener->port = bound_port(fd);
	if (!start_daemon(base, listener, fd)) {
		sci_http_listener_close(listener);
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	}
	*out = listener;
	return 0;
}

uint16_t sci_http_listener_port(const struct sci_http_listener *listener)
{
	return listener->port;
}

bool sci_http_listener_is_busy(const struct sci_http_listener *listener)
{
	return !LIST_EMPTY(&listener->exchanges);
}

void sci_http_listener_stop(struct sci_http_listener *listener)
{
	int fd = MHD_quiesce_daemon(listener->daemon);

	if (fd >= 0)
		close(fd);
}

void sci_http_listener_close(struct sci_http_listener *listener)
{
	struct sci_exchange *exchange;

	if (!listener)
		return;
	if (listener->ready)
		event_free(listener->ready);
	if (listener->look)
		event_free(listener->look);
	/* The daemon must have no connection that is suspended. */
	LIST_FOREACH(exchange, &listener->exchanges, all) {
		if (exchange->suspended)
			MHD_resume_connection(exchange->connection);
		exchange->failed = true;
	}
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	free(listener);
}

/* ---- What was asked, and what is answered. ---- */

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

	if (!value || !*value)
		value = MHD_lookup_connection_value(exchange->connection, MHD_FOOTER_KIND, name);
	return value && *value ? value : NULL;
}

size_t sci_exchange_body_length(const struct sci_exchange *exchange)
{
	return exchange->body_len;
}

struct sci_shared_bytes *sci_exchange_body(const struct sci_exchange *exchange)
{
	return exchange->body;
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

static void answer(struct sci_exchange *exchange, unsigned status, const struct sci_header *headers,
	size_t count, struct MHD_Response *response)
{
	for (size_t i = 0; i < count && response; i++)
		if (headers[i].value)
			MHD_add_response_header(response, headers[i].name, headers[i].value);
	exchange->status = status;
	exchange->answer = response;
	exchange->failed = !response;
	if (!exchange->suspended)
		return;
	exchange->suspended = false;
	MHD_resume_connection(exchange->connection);
	run(exchange->listener);
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
