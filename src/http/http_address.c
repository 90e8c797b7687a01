/* Numeric addresses and "localhost", without a resolver. localhost stands for both loopback
 * addresses, IPv4 first. */
#include "http/http_address.h"

#include "base/error.h"
#include "base/number_text.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

static bool add_ipv4(struct sci_http_address *address, const char *host, in_port_t port)
{
	struct sockaddr_in *ipv4 = &address->candidates[address->count].ipv4;

	if (inet_pton(AF_INET, host, &ipv4->sin_addr) != 1)
		return false;
	ipv4->sin_family = AF_INET;
	ipv4->sin_port = port;
	address->count++;
	return true;
}

static bool add_ipv6(struct sci_http_address *address, const char *host, in_port_t port)
{
	struct sockaddr_in6 *ipv6 = &address->candidates[address->count].ipv6;

	if (inet_pton(AF_INET6, host, &ipv6->sin6_addr) != 1)
		return false;
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = port;
	address->count++;
	return true;
}

static bool read_address(struct sci_http_address *address, const char *text)
{
	char host[SCI_HTTP_ADDRESS_TEXT_MAX];
	uint16_t port;

	if (strlen(text) >= sizeof host || !sci_host_port_read(text, host, sizeof host, &port) ||
		port == 0)
		return false;
	port = htons(port);
	memcpy(address->text, text, strlen(text) + 1);
	if (text[0] == '[')
		return add_ipv6(address, host, port);
	if (strcmp(host, "localhost") == 0)
		return add_ipv4(address, "127.0.0.1", port) && add_ipv6(address, "::1", port);
	return add_ipv4(address, host, port);
}

int sci_http_address_read(struct sci_http_address *address, const char *text,
	struct sc_error *error)
{
	memset(address, 0, sizeof *address);
	if (read_address(address, text))
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"\"%.80s\" is not an address: it must be HOST:PORT, with a number or localhost for "
		"the host",
		text);
}

socklen_t sci_http_sockaddr_len(const union sci_http_sockaddr *candidate)
{
	return candidate->any.sa_family == AF_INET6 ? sizeof candidate->ipv6
						    : sizeof candidate->ipv4;
}
