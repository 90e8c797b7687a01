/* The sockets of the HTTP listener: listening, accepting, and the kernel's state of a
 * connection. */
#ifndef SCI_LOCAL_HTTP_SOCKET_H
#define SCI_LOCAL_HTTP_SOCKET_H

#include <scopecache/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Listen on `host`:`port` (0: a free one). Returns the descriptor, or SC_E_IO with `error`
 * filled in. */
int sci_socket_listen(const char *host, uint16_t port, struct sc_error *error);

uint16_t sci_socket_port(int fd);

/* The outcome of accept(). */
enum sci_accept {
	SCI_ACCEPT_ONE,
	SCI_ACCEPT_NONE,
	SCI_ACCEPT_EXHAUSTED /* there are no descriptors or no memory now: try again in a moment */
};

struct sci_peer {
	int fd;
	socklen_t len;
	struct sockaddr_storage address;
};

enum sci_accept sci_socket_accept(int fd, struct sci_peer *peer);

/* How many bytes a connection has received, and whether the client has closed its half. */
struct sci_socket_state {
	uint64_t received_bytes;
	bool half_closed;
};
struct sci_socket_state sci_socket_state(int fd);

#endif
