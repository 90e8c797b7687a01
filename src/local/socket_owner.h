/* Which process is on the other end of a connection from this machine. */
#ifndef SCI_LOCAL_SOCKET_OWNER_H
#define SCI_LOCAL_SOCKET_OWNER_H

#include "local/http_socket.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum sci_socket_owner {
	SCI_SOCKET_OTHERS, /* it is certain that another process has it */
	SCI_SOCKET_CLOSED, /* no process has it any more, so that nobody can say whose it was */
	SCI_SOCKET_OURS,
};

/* Whose is the connection that `peer` is of, to `port` of 127.0.0.1? "Ours" are `first` and the
 * descendants of `ancestor`; and every connection where the system does not tell, or a process does
 * not let us look into it. */
enum sci_socket_owner sci_socket_owner_of(const struct sci_peer *peer, uint16_t port, pid_t first,
	pid_t ancestor);

/* True when the system tells at all. */
bool sci_socket_owner_is_known(void);

#endif
