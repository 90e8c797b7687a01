/* Uses blocking calls. Only the server's thread closes sockets; sct_scripted_server_stop() shuts
 * them down, which ends any call of that thread. */
#define _GNU_SOURCE /* memmem, strcasestr, POLLRDHUP */
#include "support/scripted_server.h"

#include "support/cmocka.h"
#include "support/threads.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#endif

static const struct sct_reply accepted = {
	.bytes = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: "
		 "16\r\n\r\n"
		 "{\"status\":\"OK\"}\n",
};
static const struct sct_reply not_found = {
	.bytes = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
};
static const struct sct_reply registered = {
	.bytes = "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: " SCT_EXTENSION_ID
		 "\r\nContent-Length: 2\r\n\r\n{}",
};
static const struct sct_reply no_event = { .then = SCT_THEN_LEAVE };
static const struct sct_reply silence = { .then = SCT_THEN_STALL };

static bool fill(struct sct_scripted_server *server)
{
	if (server->in_from > 0) {
		memmove(server->in, server->in + server->in_from, server->in_len - server->in_from);
		server->in_len -= server->in_from;
		server->in_from = 0;
	}
	ssize_t got = read(server->client, server->in + server->in_len,
		sizeof server->in - server->in_len);
	if (got > 0)
		server->in_len += (size_t)got;
	return got > 0;
}

static bool read_head(struct sct_scripted_server *server, struct sct_scripted_request *request)
{
	const char *end;

	while (!(end = memmem(server->in + server->in_from, server->in_len - server->in_from,
			 "\r\n\r\n", 4)))
		if (!fill(server))
			return false;
	size_t len = (size_t)(end - server->in) + 4 - server->in_from;
	snprintf(request->head, sizeof request->head, "%.*s", (int)len,
		server->in + server->in_from);
	server->in_from += len;
	return true;
}

static bool read_body(struct sct_scripted_server *server, struct sct_scripted_request *request)
{
	const char *length = strcasestr(request->head, "\r\ncontent-length:");
	size_t left = length ? strtoul(length + 17, NULL, 10) : 0;

	while (left > 0) {
		if (server->in_from == server->in_len && !fill(server))
			return false;
		size_t have = server->in_len - server->in_from, piece = have < left ? have : left;
		if (request->body_len < SCT_SERVER_BODY_MAX - 1) {
			size_t space = SCT_SERVER_BODY_MAX - 1 - request->body_len;
			memcpy(request->body + request->body_len, server->in + server->in_from,
				piece < space ? piece : space);
		}
		request->body_len += piece;
		server->in_from += piece;
		left -= piece;
	}
	return true;
}

static const struct sct_reply *take(struct sct_reply_list *replies)
{
	if (replies->at == replies->count)
		return NULL;
	const struct sct_reply *reply = &replies->replies[replies->at];
	if (++replies->times >= reply->times) {
		replies->times = 0;
		replies->at++;
	}
	return reply;
}

static void terminate_here(void)
{
	sigset_t sigterm;

	sigemptyset(&sigterm);
	sigaddset(&sigterm, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &sigterm, NULL);
	raise(SIGTERM);
	pthread_sigmask(SIG_BLOCK, &sigterm, NULL);
}

/* ThreadSanitizer delays a signal to a thread in recv() until recv() returns, so under it this
 * thread handles the signal. */
static void terminate_process(pid_t pid)
{
#ifdef UNDER_TSAN
	if (pid == getpid()) {
		terminate_here();
		return;
	}
#endif
	kill(pid, SIGTERM);
}

static const struct sct_reply *choose_for_runtime(struct sct_scripted_server *server, bool is_get)
{
	const struct sct_reply *reply = take(is_get ? &server->gets : &server->posts);

	if (reply)
		return reply;
	if (!is_get)
		return &accepted;
	if (server->terminate == 0)
		return &not_found;
	terminate_process(server->terminate);
	return &silence;
}

static const struct sct_reply *choose(struct sct_scripted_server *server,
	const struct sct_scripted_request *request)
{
	bool is_get = strncmp(request->head, "GET ", 4) == 0;

	if (!strstr(request->head, " /2020-01-01/extension/"))
		return choose_for_runtime(server, is_get);
	const struct sct_reply *reply = take(is_get ? &server->waits : &server->registrations);
	return reply ? reply : is_get ? &no_event : &registered;
}

static bool send_bytes(int fd, const char *bytes, size_t len, bool bytewise)
{
	while (len > 0) {
		ssize_t sent = write(fd, bytes, bytewise ? 1 : len);
		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

/* Make the next close a reset. */
static void reset(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* Wait until the client closes, without reading from the socket. */
static void stall(struct sct_scripted_server *server)
{
	struct pollfd client = { .fd = server->client, .events = POLLRDHUP };

	atomic_store(&server->stalled, true);
	while (poll(&client, 1, -1) < 0 && errno == EINTR)
		;
}

static void leave(struct sct_scripted_server *server)
{
	sct_check(server->left_count < SCT_SERVER_LEFT_MAX);
	pthread_mutex_lock(&server->lock);
	server->left[server->left_count++] = server->client;
	server->client = -1;
	pthread_mutex_unlock(&server->lock);
}

/* One request and its answer; false when the connection is to be closed. */
static bool exchange(struct sct_scripted_server *server)
{
	sct_check(server->request_count < SCT_SERVER_REQUESTS_MAX);
	struct sct_scripted_request *request = &server->requests[server->request_count];

	memset(request, 0, sizeof *request);
	request->connection = server->connection_count;
	if (!read_head(server, request))
		return false;
	const struct sct_reply *reply = choose(server, request);
	server->request_count++;
	if (!reply->early && !read_body(server, request))
		return false;
	if (reply->terminates)
		terminate_here();
	size_t len = reply->len ? reply->len : reply->bytes ? strlen(reply->bytes) : 0;
	if (len > 0 && !send_bytes(server->client, reply->bytes, len, reply->bytewise))
		return false;
	if (reply->then == SCT_THEN_RESET)
		reset(server->client);
	if (reply->then == SCT_THEN_STALL)
		stall(server);
	if (reply->then == SCT_THEN_LEAVE)
		leave(server);
	return reply->then == SCT_THEN_KEEP;
}

static void set_client(struct sct_scripted_server *server, int fd)
{
	pthread_mutex_lock(&server->lock);
	if (server->client >= 0)
		close(server->client);
	server->client = fd;
	if (fd >= 0 && atomic_load(&server->stopping))
		shutdown(fd, SHUT_RDWR);
	pthread_mutex_unlock(&server->lock);
}

static void *serve(void *arg)
{
	struct sct_scripted_server *server = arg;
	const int on = 1;
	int fd;

	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		set_client(server, fd);
		server->connection_count++;
		server->in_from = server->in_len = 0;
		while (exchange(server))
			;
		set_client(server, -1);
	}
	return NULL;
}

static int bind_loopback(char address[32])
{
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof any;

	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sct_check(fd >= 0 && bind(fd, (struct sockaddr *)&any, size) == 0);
	sct_check(getsockname(fd, (struct sockaddr *)&any, &size) == 0);
	snprintf(address, 32, "127.0.0.1:%u", (unsigned)ntohs(any.sin_port));
	return fd;
}

void sct_scripted_server_start(struct sct_scripted_server *server)
{
	sigset_t all, before;

	struct sct_reply_list *const lists[] = { &server->gets, &server->posts,
		&server->registrations, &server->waits };

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		lists[i]->at = lists[i]->times = 0;
	server->request_count = server->connection_count = 0;
	server->client = -1;
	server->left_count = 0;
	atomic_store(&server->stopping, false);
	atomic_store(&server->stalled, false);
	sct_check(pthread_mutex_init(&server->lock, NULL) == 0);
	server->listener = bind_loopback(server->address);
	sct_check(listen(server->listener, 16) == 0);
	/* Signals go to the thread under test, unless a reply says otherwise. A write to a closed
	 * connection is an error and no signal. */
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	sct_check(pthread_create(&server->thread, NULL, serve, server) == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void sct_scripted_server_stop(struct sct_scripted_server *server)
{
	atomic_store(&server->stopping, true);
	shutdown(server->listener, SHUT_RDWR);
	pthread_mutex_lock(&server->lock);
	if (server->client >= 0)
		shutdown(server->client, SHUT_RDWR);
	pthread_mutex_unlock(&server->lock);
	pthread_join(server->thread, NULL);
	for (size_t i = 0; i < server->left_count; i++)
		close(server->left[i]);
	close(server->listener);
	pthread_mutex_destroy(&server->lock);
}

void sct_dead_address(char address[32])
{
	close(bind_loopback(address));
}
