/* Sockets are accepted here and not by libmicrohttpd: after a failure for want of descriptors that
 * accepts no connection until one of its own ends, even if descriptors are free again.
 *
 * The kernel tells how many bytes have arrived (TCP_INFO), because libmicrohttpd does not tell how
 * much of a head or of a chunk's size it has read. */
#define _GNU_SOURCE
#include "local/http_socket.h"

#include "base/error.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define BACKLOG 1024

/* tcpi_state of a connection whose client has closed its half; linux/tcp.h has no names for
 * states. */
#define STATE_CLOSE_WAIT 8

static int bind_to(const struct addrinfo *address)
{
	int one = 1;
	int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		address->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	/* Inherited by every connection that is accepted: an answer must not wait for an
	 * acknowledgement. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int os_errno = errno;
	close(fd);
	errno = os_errno;
	return -1;
}

int sci_socket_listen(const char *host, uint16_t port, struct sc_error *error)
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
	/* Not when the port is in use: clients would not look for us at another address. */
	for (const struct addrinfo *at = addresses->ai_next; at && fd < 0 && errno != EADDRINUSE;
		at = at->ai_next)
		fd = bind_to(at);
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

uint16_t sci_socket_port(int fd)
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

enum sci_accept sci_socket_accept(int fd, struct sci_peer *peer)
{
	peer->len = sizeof peer->address;
	peer->fd = accept4(fd, (struct sockaddr *)&peer->address, &peer->len,
		SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer->fd >= 0)
		return SCI_ACCEPT_ONE;
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return SCI_ACCEPT_EXHAUSTED;
	default:
		/* There is no connection, or its client has closed it already. */
		return SCI_ACCEPT_NONE;
	}
}

struct sci_socket_state sci_socket_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
		len < offsetof(struct tcp_info, tcpi_bytes_received) +
				sizeof info.tcpi_bytes_received)
		return (struct sci_socket_state){ 0 };
	return (struct sci_socket_state){
		.received_bytes = info.tcpi_bytes_received,
		.half_closed = info.tcpi_state == STATE_CLOSE_WAIT,
	};
}
