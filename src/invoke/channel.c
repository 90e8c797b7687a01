/* A socket, three events and the parser in src/http. This code measures exchanges, and libevent's
 * own HTTP client adds about 20 us to each, as much as the exchange itself takes on loopback. So a
 * request is sent by one sendmsg() without a copy, an answer is received into a buffer that is
 * reused, and on a kept connection an exchange adds and removes only the deadline's event.
 *
 * An exchange ends in complete() or in fail(). A failure inside sci_channel_send() is stored in
 * `failure` and reported from the loop, by a deadline that is now. Otherwise an owner that begins
 * the next exchange after each failure would recurse. Adding an event needs memory; activating the
 * deadline, to report that there is none, does not. */
#include "invoke/channel.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES ((size_t)16 * 1024)

static void free_event(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

/* Close the connection; keep the buffers and the deadline. */
static void disconnect(struct sci_channel *channel)
{
	free_event(&channel->readable);
	free_event(&channel->writable);
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
	channel->connected = false;
	channel->broken = false;
}

void sci_channel_close(struct sci_channel *channel)
{
	disconnect(channel);
	if (channel->deadline)
		event_del(channel->deadline);
}

void sci_channel_fini(struct sci_channel *channel)
{
	disconnect(channel);
	free_event(&channel->deadline);
	sci_buffer_fini(&channel->in);
}

static void fail(struct sci_channel *channel, const struct sc_error *error)
{
	struct sc_error copy = *error;

	channel->is_busy = false;
	channel->ended_ns = sci_mono_ns();
	sci_channel_close(channel);
	channel->ended(channel, &copy);
}

static void complete(struct sci_channel *channel)
{
	channel->is_busy = false;
	channel->ended_ns = sci_mono_ns();
	event_del(channel->deadline);
	/* The connection cannot be used again after bytes that follow the answer, or after an
	 * answer to a request that was sent in part. */
	if (!channel->response.keep_alive || channel->response.at != channel->in.len ||
		channel->out[0].iov_len + channel->out[1].iov_len > 0)
		disconnect(channel);
	channel->ended(channel, NULL);
}

/* The peer has closed the connection: fail with this error of the socket call, 0 for none. */
static void fail_gone(struct sci_channel *channel, int os_errno)
{
	struct sc_error error;

	sci_error_set(&error, SC_E_IO, os_errno, "the connection ended %s",
		channel->in.len == 0 ? "before there was an answer"
				     : "in the middle of the answer");
	fail(channel, &error);
}

static void fail_nomem(struct sci_channel *channel)
{
	struct sc_error error;

	sci_error_set(&error, SC_E_NOMEM, 0, "no memory for the answer");
	fail(channel, &error);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct sci_channel *channel = arg;
	struct sc_error error;

	(void)what;
	if (!channel->is_busy) {
		/* The peer closed an idle connection, or sent bytes without a request. */
		disconnect(channel);
		return;
	}
	size_t space = sci_http_response_wants(&channel->response, &channel->in);
	if (sci_buffer_reserve(&channel->in, space > READ_BYTES ? space : READ_BYTES) < 0) {
		fail_nomem(channel);
		return;
	}
	space = channel->in.cap - channel->in.len;
	ssize_t got = recv(fd, channel->in.data + channel->in.len, space, 0);
	if (got < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			fail_gone(channel, errno);
		return;
	}
	if (got == 0) {
		channel->response.keep_alive = false;
		if (channel->in.len > 0 && sci_http_response_end(&channel->response, &error) == 1)
			complete(channel);
		else
			fail_gone(channel, 0);
		return;
	}
	channel->in.len += (size_t)got;
	int rc = sci_http_response_feed(&channel->response, &channel->in, &error);
	if (rc < 0)
		fail(channel, &error);
	else if (rc > 0)
		complete(channel);
}

/* Wait for the event; without memory for that the exchange ends, from the loop. */
static void wait_for(struct sci_channel *channel, struct event *event,
	const struct timeval *from_now)
{
	if (event_add(event, from_now) == 0)
		return;
	if (channel->failure.code == 0)
		sci_error_set(&channel->failure, SC_E_NOMEM, 0, "no memory for an event");
	event_active(channel->deadline, EV_TIMEOUT, 0);
}

/* Send as much as the socket accepts now, and the rest when it is writable again. After an error
 * the peer may still have answered (413, for instance), which on_readable() finds out. */
static void push(struct sci_channel *channel)
{
	struct msghdr message = { .msg_iov = channel->out, .msg_iovlen = 2 };
	ssize_t sent;

	do {
		sent = sendmsg(channel->fd, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		channel->broken = true;

	size_t left = sent > 0 ? (size_t)sent : 0;
	for (int i = 0; i < 2; i++) {
		size_t taken = left < channel->out[i].iov_len ? left : channel->out[i].iov_len;
		if (taken > 0)
			channel->out[i].iov_base = (char *)channel->out[i].iov_base + taken;
		channel->out[i].iov_len -= taken;
		left -= taken;
	}
	if (!channel->broken && channel->out[0].iov_len + channel->out[1].iov_len > 0)
		wait_for(channel, channel->writable, NULL);
}

static void begin(struct sci_channel *channel)
{
	if (!channel->connected) {
		channel->connected = true;
		channel->connections++;
		wait_for(channel, channel->readable, NULL);
	}
	channel->started_ns = sci_mono_ns();
	push(channel);
}

static int refused(struct sc_error *error, int os_errno)
{
	return sci_error_set(error, SC_E_OPEN, os_errno, "cannot connect to the endpoint");
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct sci_channel *channel = arg;
	int failure = 0;
	socklen_t len = sizeof failure;

	(void)what;
	if (channel->connected) {
		push(channel);
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) == 0 && failure == 0) {
		begin(channel);
		return;
	}
	refused(&channel->failure, failure);
	fail(channel, &channel->failure);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct sci_channel *channel = arg;

	(void)fd;
	(void)what;
	if (channel->failure.code == 0 && !channel->connected)
		refused(&channel->failure, ETIMEDOUT);
	else if (channel->failure.code == 0)
		sci_error_set(&channel->failure, SC_E_DEADLINE, 0, "no complete answer in %.3g s",
			(double)channel->timeout_ms / 1000);
	fail(channel, &channel->failure);
}

int sci_channel_init(struct sci_channel *channel)
{
	channel->fd = -1;
	channel->deadline = event_new(channel->base, -1, 0, on_deadline, channel);
	return channel->deadline ? 0 : SC_E_NOMEM;
}

/* Returns 0 when on_writable() will get the result, or SC_E_OPEN. */
static int open_socket(struct sci_channel *channel)
{
	const struct sockaddr *address = (const struct sockaddr *)&channel->address->storage;
	const int on = 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return refused(&channel->failure, errno);
	channel->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	channel->readable =
		event_new(channel->base, fd, EV_READ | EV_PERSIST, on_readable, channel);
	channel->writable = event_new(channel->base, fd, EV_WRITE, on_writable, channel);
	if (!channel->readable || !channel->writable)
		return refused(&channel->failure, ENOMEM);
	if (connect(fd, address, channel->address->len) < 0 && errno != EINPROGRESS)
		return refused(&channel->failure, errno);
	return event_add(channel->writable, NULL) == 0 ? 0 : refused(&channel->failure, ENOMEM);
}

void sci_channel_send(struct sci_channel *channel, struct iovec head, struct iovec body)
{
	const struct timeval now = { 0, 0 };
	const struct timeval timeout = {
		.tv_sec = (time_t)(channel->timeout_ms / 1000),
		.tv_usec = (suseconds_t)(channel->timeout_ms % 1000 * 1000),
	};

	channel->out[0] = head;
	channel->out[1] = body;
	channel->in.len = 0;
	channel->response = (struct sci_http_response){ .max_body = channel->max_body };
	channel->failure = (struct sc_error){ 0 };
	channel->is_busy = true;
	if (channel->connected) {
		wait_for(channel, channel->deadline, &timeout);
		begin(channel);
		return;
	}
	channel->started_ns = sci_mono_ns();
	int rc = open_socket(channel);
	wait_for(channel, channel->deadline, rc < 0 ? &now : &timeout);
}
