/* The HTTP listener with short time limits, and the Host values that it admits. */
#include "support/cmocka.h"
#include "support/failing_events.h"

#include "local/http_admission.h"
#include "local/http_listener.h"

#include <event2/event.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int handled;

static void handle(struct sci_exchange *exchange, void *arg)
{
	(void)arg;
	handled++;
	sci_exchange_reply(exchange, 200, NULL, 0, NULL);
}

static void refuse(struct sci_exchange *exchange, unsigned status, const char *message, void *arg)
{
	(void)arg;
	sci_exchange_reply_json(exchange, status, NULL, 0, message, strlen(message));
}

static const struct sci_http_listener_options options = {
	.host = "127.0.0.1",
	.idle_seconds = 60,
	.head_ms = 50,
	.body_ms = 50,
	.check_ms = 10,
	.max_head_bytes = 4096,
	.max_body_bytes = 100,
	.handle = handle,
	.refuse = refuse,
};

static int send_to(const struct sci_http_listener *listener, const char *text)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(sci_http_listener_port(listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	return fd;
}

/* Run the loop until the connection has bytes or has ended. Returns the result of recv(): 0 at its
 * end. */
static ssize_t receive(struct event_base *base, int fd, char *out, size_t size)
{
	ssize_t got;

	do
		event_base_loop(base, EVLOOP_ONCE);
	while ((got = recv(fd, out, size - 1, MSG_DONTWAIT)) < 0);
	out[got] = '\0';
	return got;
}

static void late_connections_are_closed(void **state)
{
	static const char *const late[] = {
		"GET / HT",
		"GET / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n1",
		"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5",
		"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y",
	};
	struct event_base *base = event_base_new();
	struct sci_http_listener *listener;
	struct sc_error error;
	char answer[512];

	(void)state;
	handled = 0;
	assert_int_equal(sci_http_listener_open(base, &options, &listener, &error), 0);
	for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
		int fd = send_to(listener, late[i]);
		assert_int_equal(receive(base, fd, answer, sizeof answer), 0);
		close(fd);
	}
	assert_int_equal(handled, 0);
	int fd = send_to(listener, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(receive(base, fd, answer, sizeof answer) > 0);
	assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
	close(fd);
	sci_http_listener_close(listener);
	event_base_free(base);
}

static void a_body_announced_too_large_is_refused(void **state)
{
	struct event_base *base = event_base_new();
	struct sci_http_listener *listener;
	struct sc_error error;
	char answer[512];

	(void)state;
	handled = 0;
	assert_int_equal(sci_http_listener_open(base, &options, &listener, &error), 0);
	int fd = send_to(listener,
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n");
	assert_true(receive(base, fd, answer, sizeof answer) > 0);
	assert_memory_equal(answer, "HTTP/1.1 413 ", 13);
	close(fd);
	assert_int_equal(handled, 0);
	sci_http_listener_close(listener);
	event_base_free(base);
}

static void late_connections_are_closed_after_a_lost_timer(void **state)
{
	struct event_base *base = event_base_new();
	struct sci_http_listener *listener;
	struct sc_error error;
	char answer[512];

	(void)state;
	assert_int_equal(sci_http_listener_open(base, &options, &listener, &error), 0);
	sct_fail_events(options.check_ms, 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_true(sct_heal_events() > 0);
	int fd = send_to(listener, "GET / HT");
	assert_int_equal(receive(base, fd, answer, sizeof answer), 0);
	close(fd);
	sci_http_listener_close(listener);
	event_base_free(base);
}

/* There are neither descriptors nor memory for the timer that ends the pause: it ends all the
 * same. */
static void a_pause_ends_without_a_timer(void **state)
{
	static const int64_t pause_ms = 20;
	struct event_base *base = event_base_new();
	struct sci_http_listener *listener;
	struct rlimit before, none;
	struct sc_error error;
	char answer[512];

	(void)state;
	assert_int_equal(sci_http_listener_open(base, &options, &listener, &error), 0);
	int fd = send_to(listener, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	sct_fail_events(pause_ms, 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_true(sct_heal_events() > 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(receive(base, fd, answer, sizeof answer) > 0);
	assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
	close(fd);
	sci_http_listener_close(listener);
	event_base_free(base);
}

static void hosts(void **state)
{
	static const char *const local[] = { "localhost", "LocalHost:80", "a.localhost",
		"127.0.0.1", "10.0.0.1:9000", "[::1]", "[fe80::1]:80", "own.example",
		"own.example:1" };
	static const char *const foreign[] = { "", ":80", "example", "localhost.example",
		"xlocalhost", "127.0.0.1.example", "[::1", "[]", "::1", "localhost:", "localhost:x",
		"localhost:80:80", "1.2.3", "user@localhost" };

	(void)state;
	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		if (!sci_http_host_is_local(local[i], "own.example"))
			fail_msg("%s is not local", local[i]);
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (sci_http_host_is_local(foreign[i], "own.example"))
			fail_msg("%s is local", foreign[i]);
	assert_false(sci_http_host_is_local("own.example", NULL));
}

static void origins(void **state)
{
	const char *const two[] = { "http://localhost:3000", "https://a.example" };
	const char *const any[] = { "*" };
	struct sci_http_admission admission = { .origins = two, .origin_count = 2 };

	(void)state;
	assert_true(sci_http_origin_is_allowed(&admission, "https://a.example"));
	assert_false(sci_http_origin_is_allowed(&admission, "https://a.example:444"));
	assert_false(sci_http_origin_is_allowed(&admission, "null"));
	admission = (struct sci_http_admission){ .origins = any, .origin_count = 1 };
	assert_true(sci_http_origin_is_allowed(&admission, "null"));
	admission.origin_count = 0;
	assert_false(sci_http_origin_is_allowed(&admission, "null"));
}

static void no_descriptor_to_serve_with(void **state)
{
	struct event_base *base = event_base_new();
	struct sci_http_listener *listener;
	struct rlimit before, few;
	struct sc_error error;

	(void)state;
	int next = dup(STDIN_FILENO);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)next + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	int rc = sci_http_listener_open(base, &options, &listener, &error);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, SC_E_IO);
	assert_int_equal(error.os_errno, EMFILE);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_connections_are_closed),
		cmocka_unit_test(a_body_announced_too_large_is_refused),
		cmocka_unit_test(late_connections_are_closed_after_a_lost_timer),
		cmocka_unit_test(a_pause_ends_without_a_timer),
		cmocka_unit_test(no_descriptor_to_serve_with),
		cmocka_unit_test(hosts),
		cmocka_unit_test(origins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
