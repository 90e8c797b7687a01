/* A parsed HOST:PORT, with the addresses to connect to. */
#ifndef SCI_HTTP_ADDRESS_H
#define SCI_HTTP_ADDRESS_H

#include <scopecache/error.h>

#include <netinet/in.h>
#include <sys/socket.h>

#define SCI_HTTP_ADDRESS_TEXT_MAX 80

union sci_http_sockaddr {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/* Where to connect: the candidates are tried in order. */
struct sci_http_address {
	union sci_http_sockaddr candidates[2];
	size_t count;
	char text[SCI_HTTP_ADDRESS_TEXT_MAX]; /* as it was given: the Host header */
};

/* Read "127.0.0.1:9001", "[::1]:9001" or "localhost:9001". Other names are refused: looking a name
 * up needs the C library's resolver, which cannot be linked statically and opens files, and the
 * platforms that functions run on hand out numbers.
 *
 * returns  0; SC_E_INVAL. */
int sci_http_address_read(struct sci_http_address *address, const char *text,
	struct sc_error *error);

/* The length of a candidate's address, for connect(). */
socklen_t sci_http_sockaddr_len(const union sci_http_sockaddr *candidate);

#endif
