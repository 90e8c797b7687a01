/* Where the Invoke API is: http://HOST[:PORT][/PATH]. */
#ifndef SCI_INVOKE_ENDPOINT_H
#define SCI_INVOKE_ENDPOINT_H

#include "base/buffer.h"

#include <scopecache/error.h>

#include <stdint.h>
#include <sys/socket.h>

#define SCI_ENDPOINT_HOST_BYTES 256
#define SCI_ENDPOINT_PATH_BYTES 256

struct sci_endpoint {
	char host[SCI_ENDPOINT_HOST_BYTES]; /* without the brackets of an IPv6 address */
	/* Empty, or begins with a slash and does not end with one. */
	char path[SCI_ENDPOINT_PATH_BYTES];
	uint16_t port;
};

/* Take a URL apart. Returns 0, or SC_E_INVAL with a message that names what is wrong with it. */
int sci_endpoint_parse(struct sci_endpoint *endpoint, const char *url, struct sc_error *error);

/* Append HOST:PORT as a URL and a Host header have it. Returns 0 or SC_E_NOMEM. */
int sci_endpoint_print(const struct sci_endpoint *endpoint, struct sci_buffer *out);

/* A socket's address. */
struct sci_address {
	struct sockaddr_storage storage;
	socklen_t len;
};

/* Resolve the endpoint's host. Of several addresses it takes the first that accepts a connection:
 * "localhost" is often ::1 first, where a server on 127.0.0.1 does not listen.
 *
 * returns  0, or SC_E_IO when there is no such host or none of its addresses accepts.
 * blocks   for the resolver, and up to a second for each address that is tried. */
int sci_endpoint_resolve(const struct sci_endpoint *endpoint, struct sci_address *address,
	struct sc_error *error);

#endif
