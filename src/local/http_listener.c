/* libmicrohttpd parses HTTP without threads: its epoll descriptor is one event of the loop, and
 * MHD_run() does the work. libevent's evhttp passes on neither trailers, in which Go runtimes send
 * the errors of streamed answers, nor bodies that are too large, to refuse them as the API does.
 *
 * libmicrohttpd calls handle_request() for the head of a request, for each piece of its body, and
 * at its end. A connection whose request is not answered by then is suspended. The answer resumes
 * it and runs libmicrohttpd at once, which calls handle_request() again to queue the answer: the
 * caller does not wait until the loop is done with other listeners. libmicrohttpd does not watch a
 * suspended connection, so sci_exchange_is_alive() asks the socket. */
#include "local/http_listener.h"

#include "base/clock.h"
#include "base/error.h"
#include "local/http_admission.h"
#include "local/http_exchange_state.h"
#include "local/http_socket.h"
#include "local/timer.h"

#include <event2/event.h>
#include <microhttpd.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16384

/* How many connections are accepted before other events have their turn. */
#define ACCEPTED_AT_ONCE 64

/* The pause of accepting after a failure for want of descriptors, and at CONNECTIONS_MAX. */
#define ACCEPT_AGAIN_MS 20

/* MHD_run() asks to be called again while it has work, and asks for ever when the memory of a
 * connection is full without a complete message. After IDLE_RUNS_MAX calls in a row without
 * progress, more than the largest head needs piece by piece, it is called every IDLE_RUN_MS. */
#define IDLE_RUNS_MAX 1024
#define IDLE_RUN_MS   20

/* A connection's memory also holds the head of the answer. */
#define ANSWER_HEAD_BYTES ((size_t)16 * 1024)

/* A body that is too large is still read, because a client whose connection is closed while it
 * sends does not read the answer; up to this multiple of the limit. */
#define SURPLUS_FACTOR 10

/* What the time limits need to know of a connection; libmicrohttpd does not enforce them. */
struct connection {
	struct sci_http_listener *listener;
	int fd;
	struct sci_exchange *exchange; /* the request whose head is complete; or NULL */
	uint64_t complete_bytes;       /* received until the last request was complete */
	int64_t head_since_us;         /* when more bytes were first seen; 0: not yet */
	LIST_ENTRY(connection) all;
};

struct sci_http_listener {
	struct sci_http_listener_options options;
	struct sci_http_admission admission;
	struct MHD_Daemon *daemon;
	int fd; /* -1: it accepts no more */
	struct event *accept, *accept_again, *ready, *again, *check;
	bool paused;        /* accepting is paused, and on_check() must resume it */
	bool check_unarmed; /* there was no memory to arm `check` */
	bool running;       /* MHD_run() is on the stack */
	unsigned idle_runs; /* calls of MHD_run() in a row without progress */
	LIST_HEAD(, connection) connections;
	size_t connection_count;
	LIST_HEAD(, sci_exchange) exchanges;
	uint16_t port;
};

static void run(struct sci_http_listener *listener);

/* ---- Requests. ---- */

static struct sci_exchange *new_exchange(struct sci_http_listener *listener,
	struct MHD_Connection *connection, const char *method, const char *path)
{
	struct sci_exchange *exchange = calloc(1, sizeof *exchange);

	if (!exchange)
		return NULL;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	exchange->listener = listener;
	exchange->run = run;
	exchange->connection = connection;
	exchange->since_us = sci_mono_us();
	exchange->tracked = info ? info->socket_context : NULL;
	if (exchange->tracked)
		exchange->tracked->exchange = exchange;
	exchange->method = strdup(method);
	exchange->path = strdup(path);
	LIST_INSERT_HEAD(&listener->exchanges, exchange, all);
	return exchange;
}

static void free_exchange(struct sci_exchange *exchange)
{
	LIST_REMOVE(exchange, all);
	if (exchange->tracked)
		exchange->tracked->exchange = NULL;
	if (exchange->answer)
		MHD_destroy_response(exchange->answer);
	sci_shared_bytes_release(exchange->body);
	free(exchange->origin);
	free(exchange->method);
	free(exchange->path);
	free(exchange);
}

/* Keep a piece of the body. Returns false without memory, and past SURPLUS_FACTOR. */
static bool take_piece(struct sci_exchange *exchange, const char *data, size_t len)
{
	size_t max = exchange->listener->options.max_body_bytes;

	exchange->body_len += len;
	if (exchange->body_len > max * SURPLUS_FACTOR)
		return false;
	if (exchange->body_len > max) {
		sci_shared_bytes_release(exchange->body);
		exchange->body = NULL;
		return true;
	}
	if (!exchange->body) {
		const char *announced = sci_exchange_header(exchange, "Content-Length");
		size_t expected = announced ? strtoul(announced, NULL, 10) : len;
		exchange->body = sci_shared_bytes_new();
		/* Reserve the announced length at once; an optimization, which may fail. */
		if (exchange->body && expected <= max)
			sci_buffer_reserve(&exchange->body->buffer, expected);
	}
	return exchange->body && sci_buffer_append(&exchange->body->buffer, data, len) == 0;
}

/* The request is complete, or its answer has come. */
static enum MHD_Result respond_or_suspend(struct sci_exchange *exchange)
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

/* The head is complete. A request that is not admitted is answered now, and its body not read. */
static enum MHD_Result admit(struct sci_exchange *exchange)
{
	struct sci_http_listener *listener = exchange->listener;
	const char *origin = sci_exchange_header(exchange, "Origin");

	struct sci_refusal refusal = sci_http_admission_check(&listener->admission,
		exchange->connection, exchange->path);
	if (refusal.status == 0) {
		exchange->origin = origin ? strdup(origin) : NULL;
		return origin && !exchange->origin ? MHD_NO : MHD_YES;
	}
	exchange->handled = true;
	listener->options.refuse(exchange, refusal.status, refusal.message, listener->options.arg);
	return respond_or_suspend(exchange);
}

static enum MHD_Result handle_request(void *arg, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *data, size_t *len,
	void **state)
{
	struct sci_exchange *exchange = *state;
	struct sci_http_listener *listener = arg;

	(void)version;
	listener->idle_runs = 0;
	if (!exchange) {
		exchange = *state = new_exchange(listener, connection, method, path);
		return exchange && exchange->method && exchange->path ? admit(exchange) : MHD_NO;
	}
	if (*len > 0) {
		bool ok = take_piece(exchange, data, *len);
		*len = 0;
		return ok ? MHD_YES : MHD_NO;
	}
	return respond_or_suspend(exchange);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct sci_http_listener *listener = arg;
	struct sci_exchange *exchange = *state;

	(void)connection;
	(void)code;
	listener->idle_runs = 0;
	if (!exchange)
		return;
	if (exchange->tracked) {
		exchange->tracked->complete_bytes =
			sci_socket_state(exchange->tracked->fd).received_bytes;
		exchange->tracked->head_since_us = 0;
	}
	free_exchange(exchange);
	*state = NULL;
}

/* ---- Connections. ---- */

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct sci_http_listener *listener = arg;
	struct connection *tracked = *context;

	listener->idle_runs = 0;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		tracked = *context = info ? calloc(1, sizeof *tracked) : NULL;
		if (!tracked)
			return; /* Without memory it has no time limits. */
		tracked->listener = listener;
		tracked->fd = info->connect_fd;
		LIST_INSERT_HEAD(&listener->connections, tracked, all);
		listener->connection_count++;
	} else if (tracked) {
		LIST_REMOVE(tracked, all);
		listener->connection_count--;
		free(tracked);
		*context = NULL;
	}
}

/* True when a connection has exceeded a time limit, or can send nothing more. */
static bool is_overdue(struct connection *tracked, int64_t now_us)
{
	const struct sci_http_listener_options *options = &tracked->listener->options;
	const struct sci_exchange *exchange = tracked->exchange;
	struct sci_socket_state state = sci_socket_state(tracked->fd);

	if (exchange && exchange->handled)
		return false;
	if (state.half_closed)
		return true;
	if (exchange)
		return options->body_ms > 0 &&
			now_us - exchange->since_us > options->body_ms * 1000;
	if (state.received_bytes <= tracked->complete_bytes)
		return false;
	if (tracked->head_since_us == 0)
		tracked->head_since_us = now_us;
	return now_us - tracked->head_since_us > options->head_ms * 1000;
}

/* Accept again after a pause, unless the listener was stopped. */
static void resume_accepting(struct sci_http_listener *listener)
{
	/* If this fails, on_check() tries again. */
	listener->paused = listener->fd >= 0 && event_add(listener->accept, NULL) < 0;
}

/* Without memory for the timer, the next turn of the listener tries again. */
static void arm_check(struct sci_http_listener *listener)
{
	listener->check_unarmed = sci_timer_start(listener->check, listener->options.check_ms) < 0;
}

static void on_check(evutil_socket_t fd, short what, void *arg)
{
	struct sci_http_listener *listener = arg;
	struct connection *tracked;
	int64_t now_us = sci_mono_us();

	(void)fd;
	(void)what;
	arm_check(listener);
	/* libmicrohttpd then sees the end of the connection, and closes it. */
	LIST_FOREACH(tracked, &listener->connections, all)
		if (is_overdue(tracked, now_us))
			shutdown(tracked->fd, SHUT_RDWR);
	if (listener->paused)
		resume_accepting(listener);
	run(listener);
}

/* Without memory for the timer the pause lasts until on_check(). */
static void pause_accepting(struct sci_http_listener *listener)
{
	event_del(listener->accept);
	listener->paused = sci_timer_start(listener->accept_again, ACCEPT_AGAIN_MS) < 0;
}

static void take_connection(struct sci_http_listener *listener, struct sci_peer *peer)
{
	const struct sci_http_listener_options *options = &listener->options;

	if (options->admit && !options->admit(peer, options->arg))
		close(peer->fd);
	else
		MHD_add_connection(listener->daemon, peer->fd, (struct sockaddr *)&peer->address,
			peer->len);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct sci_http_listener *listener = arg;
	enum sci_accept got = SCI_ACCEPT_ONE;
	struct sci_peer peer;

	(void)what;
	for (int i = 0; i < ACCEPTED_AT_ONCE && got == SCI_ACCEPT_ONE; i++) {
		if (listener->connection_count >= CONNECTIONS_MAX)
			got = SCI_ACCEPT_EXHAUSTED;
		else
			got = sci_socket_accept(fd, &peer);
		if (got == SCI_ACCEPT_ONE)
			take_connection(listener, &peer);
	}
	if (got == SCI_ACCEPT_EXHAUSTED)
		pause_accepting(listener);
	run(listener);
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct sci_http_listener *listener = arg;

	(void)fd;
	(void)what;
	resume_accepting(listener);
}

/* ---- The loop. ---- */

/* Run libmicrohttpd; later, when a run is already on the stack. "Later" is a timer and not
 * event_active(), after which the loop would handle no other event before. */
static void run(struct sci_http_listener *listener)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	bool again = listener->running;

	if (listener->check_unarmed)
		arm_check(listener);
	if (!listener->running) {
		listener->running = true;
		MHD_run(listener->daemon);
		listener->running = false;
		/* A timeout of 0 means that there is more work now; a longer one can wait until the
		 * next on_check(). */
		again = MHD_get_timeout(listener->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
	}
	if (!again)
		return;
	if (listener->idle_runs < IDLE_RUNS_MAX)
		listener->idle_runs++;
	int rc = sci_timer_start(listener->again,
		listener->idle_runs < IDLE_RUNS_MAX ? 0 : IDLE_RUN_MS);
	/* Without memory for the timer, on_check() runs it. */
	(void)rc;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run(arg);
}

static bool start_daemon(struct sci_http_listener *listener)
{
	listener->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			MHD_USE_NO_LISTEN_SOCKET,
		0, NULL, NULL, handle_request, listener, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		listener, MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
		MHD_OPTION_CONNECTION_TIMEOUT, listener->options.idle_seconds,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		listener->options.max_head_bytes + ANSWER_HEAD_BYTES, MHD_OPTION_END);
	return listener->daemon;
}

static bool start_events(struct event_base *base, struct sci_http_listener *listener)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	listener->ready = info
		? event_new(base, info->epoll_fd, EV_READ | EV_PERSIST, on_ready, listener)
		: NULL;
	listener->accept = event_new(base, listener->fd, EV_READ | EV_PERSIST, on_accept, listener);
	listener->accept_again = evtimer_new(base, on_accept_again, listener);
	listener->again = evtimer_new(base, on_ready, listener);
	listener->check = evtimer_new(base, on_check, listener);
	return listener->ready && listener->accept && listener->accept_again && listener->again &&
		listener->check && event_add(listener->ready, NULL) == 0 &&
		event_add(listener->accept, NULL) == 0 &&
		sci_timer_start(listener->check, listener->options.check_ms) == 0;
}

int sci_http_listener_open(struct event_base *base, const struct sci_http_listener_options *options,
	struct sci_http_listener **out, struct sc_error *error)
{
	struct sci_http_listener *listener = calloc(1, sizeof *listener);

	if (!listener)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	LIST_INIT(&listener->connections);
	LIST_INIT(&listener->exchanges);
	listener->options = *options;
	listener->admission = (struct sci_http_admission){
		.max_head_bytes = options->max_head_bytes,
		.max_announced_bytes = options->max_body_bytes * SURPLUS_FACTOR,
		.any_host = options->any_host,
		.host = options->host,
		.origins = options->origins,
		.origin_count = options->origin_count,
	};
	listener->fd = sci_socket_listen(options->host, options->port, error);
	if (listener->fd < 0) {
		int rc = listener->fd;
		sci_http_listener_close(listener);
		return rc;
	}
	listener->port = sci_socket_port(listener->fd);
	errno = 0;
	if (!start_daemon(listener) || !start_events(base, listener)) {
		int os_errno = errno;
		sci_http_listener_close(listener);
		if (os_errno == EMFILE || os_errno == ENFILE)
			return sci_error_set(error, SC_E_IO, os_errno, "cannot serve HTTP");
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
	if (listener->fd < 0)
		return;
	if (listener->accept)
		event_del(listener->accept);
	close(listener->fd);
	listener->fd = -1;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

void sci_http_listener_close(struct sci_http_listener *listener)
{
	struct sci_exchange *exchange;

	if (!listener)
		return;
	sci_http_listener_stop(listener);
	free_event(listener->accept);
	free_event(listener->accept_again);
	free_event(listener->ready);
	free_event(listener->again);
	free_event(listener->check);
	/* MHD_stop_daemon() requires that no connection is suspended. */
	LIST_FOREACH(exchange, &listener->exchanges, all) {
		if (exchange->suspended)
			MHD_resume_connection(exchange->connection);
		exchange->failed = true;
	}
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	free(listener);
}
