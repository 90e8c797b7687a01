/* Which process is the client of a connection from this machine. */
#ifndef SCI_LOCAL_SOCKET_OWNER_H
#define SCI_LOCAL_SOCKET_OWNER_H

#include "local/http_socket.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum sci_socket_owner {
	SCI_SOCKET_OTHERS, /* certainly another process's */
	SCI_SOCKET_CLOSED, /* no process has it open any more: unknown */
	SCI_SOCKET_OURS,
};

/* The owner of the client's socket `peer`, which is connected to `port` of 127.0.0.1. "Ours" means
 * `first` or a descendant of `ancestor`; and any, where the system does not tell, or where we may
 * not read the descriptors of a descendant. */
enum sci_socket_owner sci_socket_owner_of(const struct sci_peer *peer, uint16_t port, pid_t first,
	pid_t ancestor);

/* True when the system tells the owners of sockets. */
bool sci_socket_owner_is_known(void);

#endif
