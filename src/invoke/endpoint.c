/* libevent parses URLs; this file decides which of them can be an endpoint, and explains why others
 * cannot. */
#include "invoke/endpoint.h"

#include "base/error.h"

#include <errno.h>
#include <event2/http.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TRY_MS        1000
#define ADDRESSES_MAX 16

/* Returns what is wrong with the scheme, or NULL. */
static const char *scheme_complaint(const char *scheme)
{
	if (scheme && strcasecmp(scheme, "http") == 0)
		return NULL;
	if (scheme && strcasecmp(scheme, "https") == 0)
		return "https and signed requests are not supported: this command is for local "
		       "endpoints";
	return "it must begin with http://";
}

static const char *fill_in(struct sci_endpoint *endpoint, const struct evhttp_uri *uri)
{
	const char *complaint = scheme_complaint(evhttp_uri_get_scheme(uri));
	const char *host = evhttp_uri_get_host(uri), *path = evhttp_uri_get_path(uri);
	int port = evhttp_uri_get_port(uri);

	if (complaint)
		return complaint;
	if (!host || host[0] == '\0')
		return "it has no host";
	if (evhttp_uri_get_userinfo(uri))
		return "it must not contain a user name";
	if (evhttp_uri_get_query(uri) || evhttp_uri_get_fragment(uri))
		return "it must not have a query or a fragment";
	if (port == 0 || port > UINT16_MAX)
		return "its port is not between 1 and 65535";
	endpoint->port = port < 0 ? 80 : (uint16_t)port;

	size_t len = strlen(host), path_len = path ? strlen(path) : 0;
	if (host[0] == '[') {
		host++;
		len -= 2;
	}
	while (path_len > 0 && path[path_len - 1] == '/')
		path_len--;
	if (len >= sizeof endpoint->host || path_len >= sizeof endpoint->path)
		return "it is too long";
	snprintf(endpoint->host, sizeof endpoint->host, "%.*s", (int)len, host);
	snprintf(endpoint->path, sizeof endpoint->path, "%.*s", (int)path_len, path ? path : "");
	return NULL;
}

int sci_endpoint_parse(struct sci_endpoint *endpoint, const char *url, struct sc_error *error)
{
	struct evhttp_uri *uri = evhttp_uri_parse_with_flags(url, 0);
	const char *complaint = uri ? fill_in(endpoint, uri) : "it is not a URL";

	if (uri)
		evhttp_uri_free(uri);
	if (!complaint)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0, "cannot use the endpoint \"%.100s\": %s", url,
		complaint);
}

int sci_endpoint_print(const struct sci_endpoint *endpoint, struct sci_buffer *out)
{
	bool is_ipv6 = strchr(endpoint->host, ':') != NULL;

	return sci_buffer_printf(out, "%s%s%s:%u", is_ipv6 ? "[" : "", endpoint->host,
		is_ipv6 ? "]" : "", (unsigned)endpoint->port);
}

/* Whether the address accepts connections; if not, errno says why. */
static bool accepts(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int failure = 0;
	socklen_t len = sizeof failure;

	if (fd < 0)
		return false;
	if (connect(fd, info->ai_addr, info->ai_addrlen) < 0) {
		struct pollfd ready = { .fd = fd, .events = POLLOUT };
		failure = errno;
		if (failure == EINPROGRESS) {
			failure = ETIMEDOUT;
			if (poll(&ready, 1, TRY_MS) > 0)
				getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len);
		}
	}
	close(fd);
	errno = failure;
	return failure == 0;
}

int sci_endpoint_resolve(const struct sci_endpoint *endpoint, struct sci_address *address,
	struct sc_error *error)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char port[8];

	snprintf(port, sizeof port, "%u", (unsigned)endpoint->port);
	int rc = getaddrinfo(endpoint->host, port, &hints, &list);
	if (rc != 0)
		return sci_error_set(error, SC_E_IO, rc == EAI_SYSTEM ? errno : 0,
			"cannot find the host %s%s%s", endpoint->host, rc == EAI_SYSTEM ? "" : ": ",
			rc == EAI_SYSTEM ? "" : gai_strerror(rc));

	const struct addrinfo *taken = list->ai_next ? NULL : list, *info = list;
	for (int i = 0; info && !taken && i < ADDRESSES_MAX; i++, info = info->ai_next)
		if (accepts(info))
			taken = info;
	rc = taken ? 0
		   : sci_error_set(error, SC_E_IO, errno, "cannot connect to %s, port %s",
			     endpoint->host, port);
	if (taken) {
		memcpy(&address->storage, taken->ai_addr, taken->ai_addrlen);
		address->len = taken->ai_addrlen;
	}
	freeaddrinfo(list);
	return rc;
}
