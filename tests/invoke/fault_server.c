/* The parser knows only the requests of this client: a head, a Content-Length, a body. */
#include "invoke/fault_server.h"

#include "support/cmocka.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 2000

struct connection {
	struct sct_fault_server *server;
	struct bufferevent *bev;
	struct event *trickle;
	struct sct_fault fault;
	size_t sent;
	size_t place; /* among the open ones */
};

struct sct_fault_server {
	struct event_base *base;
	struct evconnlistener *listener;
	sct_fault_fn *choose;
	void *arg;
	uint64_t connections, requests;
	size_t open_count;
	struct connection *open[CONNECTIONS_MAX];
};

static void drop(struct connection *connection, bool reset)
{
	const struct linger abort = { .l_onoff = 1, .l_linger = 0 };

	if (reset)
		setsockopt(bufferevent_getfd(connection->bev), SOL_SOCKET, SO_LINGER, &abort,
			sizeof abort);
	struct sct_fault_server *server = connection->server;
	server->open[connection->place] = server->open[--server->open_count];
	server->open[connection->place]->place = connection->place;
	event_free(connection->trickle);
	bufferevent_free(connection->bev);
	free(connection);
}

static void end_answer(struct connection *connection)
{
	if (connection->fault.then != SCT_KEEP)
		drop(connection, connection->fault.then != SCT_CLOSE);
}

static void on_trickle(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval now = { 0, 0 };
	struct connection *connection = arg;
	const struct sct_fault *fault = &connection->fault;
	int socket = bufferevent_getfd(connection->bev);

	(void)fd;
	(void)what;
	size_t piece = fault->one_byte_at_a_time ? 1 : fault->len - connection->sent;
	if (connection->sent < fault->len) {
		ssize_t sent = send(socket, fault->answer + connection->sent, piece, MSG_NOSIGNAL);
		if (sent <= 0) {
			drop(connection, true);
			return;
		}
		connection->sent += (size_t)sent;
	}
	if (connection->sent < fault->len)
		event_add(connection->trickle, &now);
	else
		end_answer(connection);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct connection *connection = arg;
	struct sct_fault_server *server = connection->server;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);

	if (end.pos < 0)
		return;
	size_t head_len = (size_t)end.pos + 4, have = evbuffer_get_length(in);
	char *data = (char *)evbuffer_pullup(in, -1);
	data[end.pos] = '\0';
	const char *length = strstr(data, "\r\nContent-Length: ");
	assert_non_null(length);
	size_t body_len = strtoul(length + 18, NULL, 10);
	struct sct_fault fault = server->choose(server->requests, data, data + head_len,
		have - head_len, server->arg);
	if (have < head_len + body_len && fault.then != SCT_UNREAD) {
		data[end.pos] = '\r';
		return;
	}
	server->requests++;
	if (fault.len == 0 && fault.answer)
		fault.len = strlen(fault.answer);
	if (fault.then != SCT_UNREAD)
		evbuffer_drain(in, head_len + body_len);
	connection->fault = fault;
	connection->sent = 0;
	if (fault.answer || fault.then != SCT_KEEP)
		on_trickle(-1, 0, connection);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		drop(arg, false);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
	int len, void *arg)
{
	struct sct_fault_server *server = arg;
	struct connection *connection = calloc(1, sizeof *connection);
	const int on = 1;

	(void)listener;
	(void)from;
	(void)len;
	if (!connection || server->open_count == CONNECTIONS_MAX) {
		free(connection);
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	connection->server = server;
	connection->bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
	connection->trickle = event_new(server->base, -1, 0, on_trickle, connection);
	connection->place = server->open_count;
	server->open[server->open_count++] = connection;
	server->connections++;
	bufferevent_setcb(connection->bev, on_read, NULL, on_event, connection);
	bufferevent_enable(connection->bev, EV_READ);
}

struct sct_fault sct_fault_always(uint64_t nth, const char *head, const char *body, size_t len,
	void *arg)
{
	(void)nth;
	(void)head;
	(void)body;
	(void)len;
	return *(const struct sct_fault *)arg;
}

struct sct_fault_server *sct_fault_server_open(struct event_base *base, sct_fault_fn *choose,
	void *arg, struct sci_address *address)
{
	struct sockaddr_in here = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sct_fault_server *server = calloc(1, sizeof *server);

	server->base = base;
	server->choose = choose;
	server->arg = arg;
	server->listener = evconnlistener_new_bind(base, on_accept, server, LEV_OPT_CLOSE_ON_FREE,
		1024, (struct sockaddr *)&here, sizeof here);
	assert_non_null(server->listener);
	address->len = sizeof address->storage;
	assert_int_equal(getsockname(evconnlistener_get_fd(server->listener),
				 (struct sockaddr *)&address->storage, &address->len),
		0);
	return server;
}

void sct_fault_server_drop(struct sct_fault_server *server)
{
	while (server->open_count > 0)
		drop(server->open[server->open_count - 1], false);
}

void sct_fault_server_close(struct sct_fault_server *server)
{
	sct_fault_server_drop(server);
	evconnlistener_free(server->listener);
	free(server);
}

uint64_t sct_fault_server_connections(const struct sct_fault_server *server)
{
	return server->connections;
}

uint64_t sct_fault_server_requests(const struct sct_fault_server *server)
{
	return server->requests;
}
