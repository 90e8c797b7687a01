/* Valid and invalid requests to the local Lambda's HTTP listener and its Extensions API, over a
 * real connection. The first byte selects into how many pieces the rest is cut, and whether the
 * client shuts down its half. Between two pieces the event loop runs once. The answers do not
 * matter: after every input the listener must answer a new client's GET /ping within a bounded
 * number of turns of the loop, and each turn must end. A request that made the server library busy
 * without end would fail this. */
#include "fuzz.h"

#include "local/extension_server.h"
#include "local/extensions.h"
#include "local/http_listener.h"

#include <event2/event.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_BYTES 2048
#define BODY_BYTES 4096
#define TURNS_MAX  100000

#define CLIENTS_PER_SOURCE 5000

static struct event_base *base;
static struct sci_http_listener *listener;
static struct sci_extensions extensions;

/* Ids that an input can name. */
static void name_extensions(void)
{
	static const char id[] = "00000000-0000-4000-8000-000000000000";

	for (size_t i = 0; i < extensions.count; i++) {
		memcpy(extensions.all[i].id, id, sizeof id);
		extensions.all[i].id[sizeof id - 2] = (char)('0' + i);
	}
}

/* Answer all extensions that wait, the first with an event, and forget them. */
static void end_extensions(void)
{
	struct sci_shared_bytes *event = sci_shared_bytes_new();

	check(event && extensions.count <= SCI_EXTENSIONS_MAX);
	sci_extensions_begin(&extensions, event);
	sci_extensions_deliver(&extensions);
	sci_shared_bytes_release(event);
	for (size_t i = 0; i < extensions.count; i++) {
		struct sci_extension *extension = &extensions.all[i];
		check(!extension->is_due && *extension->name);
		check(!extension->poll || extension->state != SCI_EXTENSION_RUNNING);
		if (extension->poll)
			sci_exchange_reply(extension->poll, 403, NULL, 0, NULL);
	}
	sci_extensions_fini(&extensions);
	extensions = (struct sci_extensions){ .function_name = "f", .handler = "h" };
}

/* Call every function that a handler may call; the answer is as long as the body. */
static void handle(struct sci_exchange *exchange, void *arg)
{
	const char *header = sci_exchange_header(exchange, "X");
	const struct sci_header headers[] = { { "Y", header } };

	(void)arg;
	if (sci_extension_server_serves(sci_exchange_path(exchange))) {
		sci_extension_server_handle(exchange, sci_exchange_path(exchange), &extensions);
		name_extensions();
		return;
	}
	check(strlen(sci_exchange_path(exchange)) <= HEAD_BYTES);
	check(!sci_exchange_body(exchange) ||
		sci_exchange_body(exchange)->buffer.len == sci_exchange_body_length(exchange));
	sci_exchange_parameter(exchange, "q");
	sci_exchange_is_alive(exchange);
	sci_exchange_reply(exchange, 200, headers, 1, sci_exchange_body(exchange));
}

static void refuse(struct sci_exchange *exchange, unsigned status, const char *message, void *arg)
{
	(void)arg;
	check(status >= 400 && status < 500);
	sci_exchange_reply_json(exchange, status, NULL, 0, message, strlen(message));
}

static void begin(void)
{
	struct sci_http_listener_options options = {
		.host = "127.0.0.1",
		.idle_seconds = 60,
		.head_ms = 1000,
		.body_ms = 1000,
		.check_ms = 100,
		.max_head_bytes = HEAD_BYTES,
		.max_body_bytes = BODY_BYTES,
		.handle = handle,
		.refuse = refuse,
	};
	struct sc_error error;

	signal(SIGPIPE, SIG_IGN);
	end_extensions();
	base = event_base_new();
	check(base && sci_http_listener_open(base, &options, &listener, &error) == 0);
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* A client that closes first keeps its port in TIME_WAIT for a minute. So after a number of
 * clients, the next ones come from another address, whose ports are free. */
static struct sockaddr_in next_source(void)
{
	static uint32_t count;

	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + count++ / CLIENTS_PER_SOURCE % 65536),
	};
}

static int connect_client(void)
{
	struct sockaddr_in source = next_source();
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(sci_http_listener_port(listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check(fd >= 0 && bind(fd, (struct sockaddr *)&source, sizeof source) == 0);
	check(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	/* Close with a reset, so that thousands of inputs do not use up the ports. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	return fd;
}

/* Send as much as the server takes; nothing when it has closed. */
static void send_piece(int fd, const uint8_t *data, size_t len)
{
	for (int turns = 0; len > 0 && turns < 100; turns++) {
		ssize_t sent = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0) {
			data += sent;
			len -= (size_t)sent;
		}
		turn();
	}
}

static void ping(void)
{
	static const char request[] = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const char expected[] = "HTTP/1.1 200 ";
	char answer[256];
	ssize_t got = -1;
	int fd = connect_client();

	check(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1);
	for (int turns = 0; got < 0 && turns < TURNS_MAX; turns++) {
		turn();
		got = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
	}
	check(got >= (ssize_t)sizeof expected - 1 &&
		memcmp(answer, expected, sizeof expected - 1) == 0);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (!base)
		begin();
	int fd = connect_client();
	size_t pieces = (size_t)(data[0] & 15) + 1, at = 1;
	for (size_t i = 1; i <= pieces; i++) {
		size_t end = 1 + (size - 1) * i / pieces;
		send_piece(fd, data + at, end - at);
		at = end;
	}
	if (data[0] & 16)
		shutdown(fd, SHUT_WR);
	ping();
	/* Before the answers, which would let the listener read further requests. */
	close(fd);
	end_extensions();
	return 0;
}
