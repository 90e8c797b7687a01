/* URLs of endpoints: those accepted, and the messages for the others. */
#include "support/cmocka.h"

#include "invoke/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static void takes(const char *url, const char *host, unsigned port, const char *path)
{
	struct sci_endpoint endpoint;
	struct sc_error error;

	if (sci_endpoint_parse(&endpoint, url, &error) < 0)
		fail_msg("%s", error.message);
	assert_string_equal(endpoint.host, host);
	assert_string_equal(endpoint.path, path);
	assert_int_equal(endpoint.port, port);
}

static void refuses(const char *url, const char *words)
{
	struct sci_endpoint endpoint;
	struct sc_error error;

	assert_int_equal(sci_endpoint_parse(&endpoint, url, &error), SC_E_INVAL);
	if (!strstr(error.message, words))
		fail_msg("%s: %s", url, error.message);
}

static void takes_what_people_write(void **state)
{
	(void)state;
	takes("http://127.0.0.1:9000", "127.0.0.1", 9000, "");
	takes("http://127.0.0.1:9000/", "127.0.0.1", 9000, "");
	takes("HTTP://localhost", "localhost", 80, "");
	takes("http://[::1]:65535/a/b//", "::1", 65535, "/a/b");
	takes("http://host.example:1/with%20space", "host.example", 1, "/with%20space");
}

static void refuses_what_it_cannot_use(void **state)
{
	(void)state;
	refuses("https://lambda.eu-west-1.amazonaws.com", "https and signed requests");
	refuses("ftp://host", "begin with http://");
	refuses("//host", "begin with http://");
	refuses("127.0.0.1:9000", "");
	refuses("", "begin with http://");
	refuses("http://", "no host");
	refuses("http://:80", "no host");
	refuses("http://user@host", "user name");
	refuses("http://host/?a=b", "a query or a fragment");
	refuses("http://host/#here", "a query or a fragment");
	refuses("http://host:0", "port");
	refuses("http://host:65536", "");
	refuses("http://host:x", "not a URL");
	refuses("http://host/\r\nX: y", "not a URL");
	refuses("http://[::1", "not a URL");
}

static void refuses_what_is_too_long(void **state)
{
	char url[600] = "http://host/";

	(void)state;
	memset(url + 12, 'a', sizeof url - 13);
	refuses(url, "too long");
	memset(url + 7, 'a', sizeof url - 8);
	refuses(url, "too long");
}

static void prints_host_and_port(void **state)
{
	struct sci_endpoint endpoint;
	struct sci_buffer out = { 0 };

	(void)state;
	assert_int_equal(sci_endpoint_parse(&endpoint, "http://[::1]:80", NULL), 0);
	assert_int_equal(sci_endpoint_print(&endpoint, &out), 0);
	assert_string_equal(out.data, "[::1]:80");
	out.len = 0;
	assert_int_equal(sci_endpoint_parse(&endpoint, "http://a", NULL), 0);
	assert_int_equal(sci_endpoint_print(&endpoint, &out), 0);
	assert_string_equal(out.data, "a:80");
	sci_buffer_fini(&out);
}

/* A server on 127.0.0.1 alone is found by the name, whatever that name's first address is. */
static void finds_localhost(void **state)
{
	struct sockaddr_in here = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sci_endpoint endpoint = { .host = "localhost" };
	socklen_t len = sizeof here;
	struct sci_address address;
	struct sc_error error;

	(void)state;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&here, len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &len), 0);
	endpoint.port = ntohs(here.sin_port);
	if (sci_endpoint_resolve(&endpoint, &address, &error) < 0)
		fail_msg("%s", error.message);
	assert_int_equal(address.storage.ss_family, AF_INET);
	assert_int_equal(address.len, sizeof here);
	close(fd);
}

static void says_that_a_host_is_unknown(void **state)
{
	struct sci_endpoint endpoint = { .host = "no.such.host.invalid", .port = 1 };
	struct sci_address address;
	struct sc_error error;

	(void)state;
	assert_int_equal(sci_endpoint_resolve(&endpoint, &address, &error), SC_E_IO);
	assert_non_null(strstr(error.message, "no.such.host.invalid"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_people_write),
		cmocka_unit_test(refuses_what_it_cannot_use),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(prints_host_and_port),
		cmocka_unit_test(finds_localhost),
		cmocka_unit_test(says_that_a_host_is_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
