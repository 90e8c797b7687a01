/* Which process is on the other end of a connection from this machine. */
#ifndef SCI_LOCAL_SOCKET_OWNER_H
#define SCI_LOCAL_SOCKET_OWNER_H

#include "local/http_socket.h"

#include <stdbool.h>

/* True unless it is certain that the connection that `peer` is of, to `port` of 127.0.0.1, was
 * made by another process than `first` and the descendants of `ancestor`. Where the system does
 * not tell, or a process does not let us look into it, it is not certain. */
bool sci_socket_owner_is_among(const struct sci_peer *peer, uint16_t port, pid_t first,
	pid_t ancestor);

/* True when the system tells at all. */
bool sci_socket_owner_is_known(void);

#endif
