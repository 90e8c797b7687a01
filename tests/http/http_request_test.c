/* The heads of requests, and the addresses of servers. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "http/http_address.h"
#include "http/http_request.h"

#include <arpa/inet.h>
#include <string.h>

static void assert_holds(const struct sci_buffer *out, const char *text)
{
	assert_int_equal(out->len, strlen(text));
	assert_memory_equal(out->data, text, out->len);
}

static void writes_heads(void **state)
{
	struct sci_buffer out = { 0 };

	(void)state;
	assert_int_equal(sci_http_request_line(&out, "POST", "/a/%s/%d", "b-c", 7), 0);
	assert_int_equal(sci_http_request_header(&out, "Host", "127.0.0.1:1"), 0);
	assert_int_equal(sci_http_request_header(&out, "X", "caf\xC3\xA9\tcr\xC3\xA8me"), 0);
	assert_int_equal(sci_http_request_length(&out, 1234567), 0);
	assert_int_equal(sci_http_request_end(&out), 0);
	assert_holds(&out,
		"POST /a/b-c/7 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nX: caf\xC3\xA9\tcr\xC3\xA8me\r\n"
		"Content-Length: 1234567\r\n\r\n");
	sci_buffer_fini(&out);
}

static void refuses_what_would_be_another_header(void **state)
{
	static const char *const values[] = { "a\r\nX: y", "a\n", "\r", "a\x01", "a\x7F" };
	static const char *const names[] = { "", "X Y", "X:", "X\r\n", "X\xC3\xA9" };
	static const char *const paths[] = { "", "a", "/a b", "/a\r\nX: y", "/a\tb", "/\xC3\xA9",
		"/\x7F" };
	struct sci_buffer out = { 0 };

	(void)state;
	assert_int_equal(sci_buffer_append(&out, "kept", 4), 0);
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		assert_int_equal(sci_http_request_header(&out, "X", values[i]), SC_E_INVAL);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(sci_http_request_header(&out, names[i], "y"), SC_E_INVAL);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_int_equal(sci_http_request_line(&out, "GET", "%s", paths[i]), SC_E_INVAL);
	assert_holds(&out, "kept");
	sci_buffer_fini(&out);
}

static void scenario(void *arg)
{
	struct sci_buffer out = { 0 };
	size_t before = 0;
	int rc = 0;

	(void)arg;
	for (int i = 0; i < 12 && rc == 0; i++) {
		before = out.len;
		rc = i % 3 == 0      ? sci_http_request_line(&out, "GET", "/%0*d", 100 << i, i)
			: i % 3 == 1 ? sci_http_request_header(&out, "Name", "value")
				     : sci_http_request_length(&out, 1 << i);
	}
	if (rc < 0)
		assert_int_equal(out.len, before);
	assert_int_equal(rc, sct_allocation_failed() ? SC_E_NOMEM : 0);
	sci_buffer_fini(&out);
}

static void stays_whole_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(scenario, NULL);
}

static void reads_addresses(void **state)
{
	struct sci_http_address address;
	char text[INET6_ADDRSTRLEN];

	(void)state;
	assert_int_equal(sci_http_address_read(&address, "169.254.100.1:9001", NULL), 0);
	assert_int_equal(address.count, 1);
	assert_string_equal(address.text, "169.254.100.1:9001");
	assert_int_equal(ntohs(address.candidates[0].ipv4.sin_port), 9001);
	inet_ntop(AF_INET, &address.candidates[0].ipv4.sin_addr, text, sizeof text);
	assert_string_equal(text, "169.254.100.1");

	assert_int_equal(sci_http_address_read(&address, "[fd00::2]:65535", NULL), 0);
	assert_int_equal(address.count, 1);
	assert_int_equal(sci_http_sockaddr_len(&address.candidates[0]),
		sizeof(struct sockaddr_in6));
	inet_ntop(AF_INET6, &address.candidates[0].ipv6.sin6_addr, text, sizeof text);
	assert_string_equal(text, "fd00::2");

	assert_int_equal(sci_http_address_read(&address, "localhost:1", NULL), 0);
	assert_int_equal(address.count, 2);
	assert_int_equal(address.candidates[0].any.sa_family, AF_INET);
	assert_int_equal(address.candidates[1].any.sa_family, AF_INET6);
}

/* Valid IPv6, but longer than the text that is stored. */
static const char long_text[] =
	"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80"
	"0000000000";

static void refuses_what_is_no_address(void **state)
{
	static const char *const texts[] = { "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
		"127.0.0.1:65536", "127.0.0.1:123456", "127.0.0.1:+1", "127.0.0.1: 1",
		"127.0.0.1:1/", "127.0.0.1:1 ", "127.0.1:1", "256.0.0.1:1", "::1:9001", "[::1]",
		"[::1]9001", "[::1:9001", "[127.0.0.1]:1", "[]:1", ":9001", "example.org:80",
		"LOCALHOST:1", "localhost", "http://127.0.0.1:1", long_text };
	struct sci_http_address address;
	struct sc_error error;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (sci_http_address_read(&address, texts[i], &error) != SC_E_INVAL)
			fail_msg("taken for an address: %s", texts[i]);
		assert_non_null(strstr(error.message, "HOST:PORT"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_heads),
		cmocka_unit_test(refuses_what_would_be_another_header),
		cmocka_unit_test(stays_whole_without_memory),
		cmocka_unit_test(reads_addresses),
		cmocka_unit_test(refuses_what_is_no_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
