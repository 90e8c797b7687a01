/* Blocking sockets and no poll(): an exchange is one sendmsg() and one recv() when all goes well.
 *
 * A server may answer before it has read the whole request, with a 413 for instance, and then close
 * the connection or stop reading. When it closes, sending fails, and its answer can still be
 * received. When it stops reading, sending would block for ever, so each send returns after
 * SLICE_S, and a received answer ends the sending. connect() and recv() have the same limit: the
 * request's deadline is checked once a slice. */
#include "http/http_connection.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#define SLICE_S    1
#define READ_BYTES 8192

void sci_http_connection_close(struct sci_http_connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
}

/* Returns 0 or an errno. */
static int connect_socket(int fd, const union sci_http_sockaddr *to)
{
	const struct timeval slice = { .tv_sec = SLICE_S };
	const int on = 1;
	int rc;

	/* Failures are ignored: without these options the exchange still works. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof slice);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice);
	do
		rc = connect(fd, &to->any, sci_http_sockaddr_len(to));
	while (rc < 0 && errno == EINTR);
	/* Linux continues to connect after EINTR, so the next call may find the socket
	 * connected. */
	if (rc == 0 || errno == EISCONN)
		return 0;
	return errno == EINPROGRESS ? ETIMEDOUT : errno;
}

/* Returns 0 or an errno. The socket is the connection's before it connects: a thread may be
 * cancelled in connect(). */
static int connect_to(struct sci_http_connection *connection, const union sci_http_sockaddr *to)
{
	connection->fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		return errno;
	int os_errno = connect_socket(connection->fd, to);
	if (os_errno != 0)
		sci_http_connection_close(connection);
	return os_errno;
}

static int ensure_connected(struct sci_http_connection *connection, struct sc_error *error)
{
	const struct sci_http_address *address = &connection->address;
	int first_errno = 0;

	for (size_t i = 0; i < address->count && connection->fd < 0; i++) {
		int os_errno = connect_to(connection, &address->candidates[i]);
		if (first_errno == 0)
			first_errno = os_errno;
	}
	if (connection->fd >= 0)
		return 0;
	return sci_error_set(error, SC_E_IO, first_errno, "cannot connect to %s", address->text);
}

static int io_error(struct sc_error *error, const char *what,
	const struct sci_http_connection *connection)
{
	return sci_error_set(error, SC_E_IO, errno, "%s %s", what, connection->address.text);
}

static int give_up(const struct sci_http_connection *connection, struct sc_error *error)
{
	return sci_error_set(error, SC_E_DEADLINE, 0, "%s did not answer in time",
		connection->address.text);
}

static bool must_hurry(const struct sci_http_request *request)
{
	return request->hurry && sci_http_interrupt_raised(request->hurry);
}

/* Decide after each send or receive whether to continue. `was_silent`: it moved no byte for a whole
 * slice; `hurried`: the interrupt had been raised before that slice began. A signal during a slice
 * does not end it, so the peer gets one more whole slice. Returns 0, or SC_E_DEADLINE. */
static int go_on_waiting(const struct sci_http_connection *connection,
	const struct sci_http_request *request, bool was_silent, bool hurried,
	struct sc_error *error)
{
	if (was_silent && hurried)
		return give_up(connection, error);
	if (request->deadline_mono_ms != 0 && sci_mono_ms() >= request->deadline_mono_ms)
		return give_up(connection, error);
	return 0;
}

/* Whether recv() would return at once: with bytes, the end, or an error. */
static bool is_readable(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
		(errno != EAGAIN && errno != EINTR);
}

static void advance(struct msghdr *message, size_t sent)
{
	while (message->msg_iovlen > 0 && sent >= message->msg_iov->iov_len) {
		sent -= message->msg_iov->iov_len;
		message->msg_iov++;
		message->msg_iovlen--;
	}
	if (message->msg_iovlen > 0) {
		message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + sent;
		message->msg_iov->iov_len -= sent;
	}
}

/* Returns 0 when the whole request is sent; 1 when the peer takes no more, but may have answered;
 * SC_E_IO or SC_E_DEADLINE. */
static int send_request(const struct sci_http_connection *connection,
	const struct sci_http_request *request, struct sc_error *error)
{
	struct iovec parts[2] = {
		{ .iov_base = request->head->data, .iov_len = request->head->len },
		/* sendmsg() only reads, but its iovec has no const. */
		{ .iov_base = (void *)(uintptr_t)request->body, .iov_len = request->body_len },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = request->body_len > 0 ? 2 : 1 };

	while (message.msg_iovlen > 0) {
		bool hurried = must_hurry(request);
		ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
		bool was_silent = sent < 0 && errno == EAGAIN;
		if (sent >= 0) {
			advance(&message, (size_t)sent);
		} else if (was_silent) {
			if (is_readable(connection->fd))
				return 1;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return 1;
		} else if (errno != EINTR) {
			return io_error(error, "cannot send to", connection);
		}
		if (message.msg_iovlen > 0 &&
			go_on_waiting(connection, request, was_silent, hurried, error) < 0)
			return SC_E_DEADLINE;
	}
	return 0;
}

static void begin_wait(const struct sci_http_request *request, int fd)
{
	if (request->interrupt)
		sci_http_interrupt_enter(request->interrupt, fd);
}

static void end_wait(const struct sci_http_request *request)
{
	if (request->interrupt)
		sci_http_interrupt_leave(request->interrupt);
}

static bool was_interrupted(const struct sci_http_request *request)
{
	return request->interrupt && sci_http_interrupt_raised(request->interrupt);
}

/* Process the result of recv(). Returns 1 when the answer is complete, 0 when more must follow, or
 * an error. */
static int take_received(const struct sci_http_connection *connection, struct sci_buffer *in,
	ssize_t received, struct sci_http_response *response, struct sc_error *error)
{
	if (received > 0) {
		in->len += (size_t)received;
		return sci_http_response_feed(response, in, error);
	}
	if (received < 0)
		return errno == EINTR || errno == EAGAIN
			? 0
			: io_error(error, "cannot receive from", connection);
	if (in->len > 0)
		return sci_http_response_end(response, error);
	return sci_error_set(error, SC_E_IO, 0, "%s closed the connection without an answer",
		connection->address.text);
}

static int receive_answer(const struct sci_http_connection *connection,
	const struct sci_http_request *request, struct sci_buffer *in,
	struct sci_http_response *response, struct sc_error *error)
{
	int rc = 0;

	while (rc == 0) {
		/* One call receives the rest of a body of known length; otherwise it receives what
		 * has arrived. */
		size_t wants = sci_http_response_wants(response, in);
		if (sci_buffer_reserve(in, (wants > 0 ? wants : READ_BYTES) + 1) < 0)
			return sci_error_set(error, SC_E_NOMEM, 0,
				"out of memory for the answer of %s", connection->address.text);
		size_t space = wants > 0 ? wants : in->cap - in->len - 1;
		bool hurried = must_hurry(request);
		ssize_t received = recv(connection->fd, in->data + in->len, space,
			wants > 0 ? MSG_WAITALL : 0);
		bool was_silent = received < 0 && errno == EAGAIN;
		rc = take_received(connection, in, received, response, error);
		/* The answer has begun: from here on an interrupt no longer ends the exchange. */
		if (response->part >= SCI_HTTP_BODY)
			end_wait(request);
		if (rc == 0)
			rc = go_on_waiting(connection, request, was_silent, hurried, error);
	}
	if (rc > 0)
		in->data[response->body_at + response->body_len] = '\0';
	return rc;
}

static int exchange_once(struct sci_http_connection *connection,
	const struct sci_http_request *request, struct sci_buffer *in,
	struct sci_http_response *response, struct sc_error *error)
{
	int rc = send_request(connection, request, error);
	/* After a failed send the server may still have answered. */
	bool clean = rc == 0;
	if (rc >= 0)
		rc = receive_answer(connection, request, in, response, error);
	/* Bytes after the answer belong to no request: the connection cannot be used again. */
	clean = clean && rc > 0 && response->keep_alive && response->at == in->len;
	end_wait(request);
	/* An interrupt after the answer may have shut the socket down. */
	if (!clean || was_interrupted(request))
		sci_http_connection_close(connection);
	return rc < 0 ? rc : SCI_HTTP_ANSWERED;
}

int sci_http_connection_exchange(struct sci_http_connection *connection,
	const struct sci_http_request *request, struct sci_buffer *in,
	struct sci_http_response *response, struct sc_error *error)
{
	int rc = SC_E_IO;

	for (int tries = 0; tries < 2 && rc == SC_E_IO; tries++) {
		rc = was_interrupted(request) ? SC_E_IO : ensure_connected(connection, error);
		if (rc < 0)
			break;
		begin_wait(request, connection->fd);
		if (was_interrupted(request)) {
			end_wait(request);
			return SCI_HTTP_INTERRUPTED;
		}
		in->len = 0;
		*response = (struct sci_http_response){ .max_body = request->max_answer };
		rc = exchange_once(connection, request, in, response, error);
		if (in->len > 0)
			break;
	}
	return rc < 0 && was_interrupted(request) ? SCI_HTTP_INTERRUPTED : rc;
}

int sci_http_connection_send(struct sci_http_connection *connection,
	const struct sci_http_request *request, struct sc_error *error)
{
	sci_http_connection_close(connection);
	int rc = ensure_connected(connection, error);
	if (rc < 0)
		return rc;
	rc = send_request(connection, request, error);
	if (rc > 0)
		rc = sci_error_set(error, SC_E_IO, 0, "%s does not take the request",
			connection->address.text);
	if (rc < 0)
		sci_http_connection_close(connection);
	return rc;
}

bool sci_http_connection_has_answer(const struct sci_http_connection *connection)
{
	return is_readable(connection->fd);
}
