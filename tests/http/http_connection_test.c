/* One connection to servers that answer in pieces, close, reset or answer early; then with every
 * system call and every allocation failing in turn. */
#include "support/allocation.h"
#include "support/cmocka.h"
#include "support/network.h"
#include "support/scripted_server.h"

#include "http/http_connection.h"
#include "http/http_request.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_ANSWER ((size_t)1024 * 1024)

static struct sct_scripted_server server;

/* A client: its connection, its requests and its last answer. */
struct client {
	struct sci_http_connection connection;
	struct sci_http_interrupt interrupt;
	struct sci_buffer get_head, post_head, in;
	struct sci_http_response response;
	struct sc_error error;
};

static int client_open(struct client *client, const char *address, size_t body_len)
{
	*client =
		(struct client){ .connection = { .fd = -1 }, .interrupt = SCI_HTTP_INTERRUPT_INIT };
	assert_int_equal(sci_http_address_read(&client->connection.address, address, NULL), 0);
	sci_http_request_line(&client->get_head, "GET", "/");
	sci_http_request_end(&client->get_head);
	sci_http_request_line(&client->post_head, "POST", "/");
	sci_http_request_length(&client->post_head, body_len);
	sci_http_request_end(&client->post_head);
	int rc = sci_buffer_result(&client->get_head);
	return rc < 0 ? rc : sci_buffer_result(&client->post_head);
}

static void client_close(struct client *client)
{
	sci_http_connection_close(&client->connection);
	sci_buffer_fini(&client->get_head);
	sci_buffer_fini(&client->post_head);
	sci_buffer_fini(&client->in);
}

/* Start the server, whose replies are set, and open a client with it. */
static void start(struct client *client, size_t body_len)
{
	sct_scripted_server_start(&server);
	assert_int_equal(client_open(client, server.address, body_len), 0);
}

static void stop(struct client *client)
{
	client_close(client);
	sct_scripted_server_stop(&server);
}

static int get(struct client *client)
{
	const struct sci_http_request request = {
		.head = &client->get_head,
		.max_answer = MAX_ANSWER,
		.interrupt = &client->interrupt,
	};

	return sci_http_connection_exchange(&client->connection, &request, &client->in,
		&client->response, &client->error);
}

static int post(struct client *client, const char *body, size_t len)
{
	const struct sci_http_request request = {
		.head = &client->post_head,
		.body = body,
		.body_len = len,
		.max_answer = MAX_ANSWER,
	};

	return sci_http_connection_exchange(&client->connection, &request, &client->in,
		&client->response, &client->error);
}

static void assert_body(const struct client *client, const char *body)
{
	assert_int_equal(client->response.body_len, strlen(body));
	/* A NUL follows the body. */
	assert_string_equal(client->in.data + client->response.body_at, body);
}

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void keeps_its_connection(void **state)
{
	static const struct sct_reply replies[] = {
		{ .bytes = HELLO, .times = 2 },
		{ .bytes = HELLO, .bytewise = true },
		{ .bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
			   "chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
			.bytewise = true },
		{ .bytes = "HTTP/1.1 100 Continue\r\n\r\n" HELLO },
		{ .bytes = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: "
			   "5\r\n\r\nhello" },
	};
	struct client client;

	(void)state;
	server = (struct sct_scripted_server){ .gets = SCT_REPLIES(replies) };
	start(&client, 3);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(get(&client), SCI_HTTP_ANSWERED);
		assert_body(&client, "hello");
		assert_int_equal(post(&client, "abc", 3), SCI_HTTP_ANSWERED);
		assert_int_equal(client.response.status, 202);
	}
	stop(&client);
	assert_int_equal(server.connection_count, 1);
	assert_int_equal(server.request_count, 12);
	assert_string_equal(server.requests[1].head,
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n");
	assert_string_equal(server.requests[11].body, "abc");
}

static void opens_another_connection(void **state)
{
	/* After each of these answers the next request needs a new connection. The client notices
	 * the first close only when it sends that request. */
	static const struct sct_reply replies[] = {
		{ .bytes = HELLO, .then = SCT_THEN_CLOSE },
		{ .bytes = HELLO, .then = SCT_THEN_RESET },
		{ .bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: "
			   "5\r\n\r\nhello" },
		{ .bytes = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
		{ .bytes = "HTTP/1.1 200 OK\r\n\r\nhello", .then = SCT_THEN_CLOSE },
		{ .bytes = HELLO "HTTP/1.1 200 forged" },
		{ .bytes = HELLO },
	};
	struct client client;

	(void)state;
	server = (struct sct_scripted_server){ .gets = SCT_REPLIES(replies) };
	start(&client, 0);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(get(&client), SCI_HTTP_ANSWERED);
		assert_body(&client, "hello");
	}
	stop(&client);
	assert_int_equal(server.connection_count, 7);
	assert_int_equal(server.request_count, 7);
}

static void repeats_unanswered_requests(void **state)
{
	static const struct sct_reply replies[] = {
		{ .then = SCT_THEN_CLOSE },
		{ .bytes = HELLO },
		{ .then = SCT_THEN_RESET },
		{ .bytes = HELLO },
		{ .then = SCT_THEN_CLOSE, .times = 2 },
		{ .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
			.then = SCT_THEN_CLOSE },
		{ .bytes = "HTTP", .then = SCT_THEN_CLOSE },
		{ .bytes = HELLO },
	};
	struct client client;

	(void)state;
	server = (struct sct_scripted_server){ .posts = SCT_REPLIES(replies) };
	start(&client, 4);
	assert_int_equal(post(&client, "1111", 4), SCI_HTTP_ANSWERED);
	assert_int_equal(post(&client, "2222", 4), SCI_HTTP_ANSWERED);
	/* A request is repeated only once. */
	assert_int_equal(post(&client, "3333", 4), SC_E_IO);
	assert_non_null(strstr(client.error.message, "without an answer"));
	/* A request is not repeated after the first byte of an answer. */
	assert_int_equal(post(&client, "4444", 4), SC_E_PROTOCOL);
	assert_int_equal(post(&client, "5555", 4), SC_E_PROTOCOL);
	assert_non_null(strstr(client.error.message, "before the answer was complete"));
	assert_int_equal(post(&client, "6666", 4), SCI_HTTP_ANSWERED);
	stop(&client);
	static const char sent[] = "112233456";
	assert_int_equal(server.request_count, strlen(sent));
	for (size_t i = 0; i < strlen(sent); i++)
		assert_int_equal(server.requests[i].body[0], sent[i]);
}

static void refuses_what_is_not_http(void **state)
{
	static const struct sct_reply replies[] = {
		{ .bytes = "220 mail.example.org ESMTP\r\n" },
		{ .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n" },
		{ .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" },
		{ .bytes = HELLO },
	};
	struct client client;

	(void)state;
	server = (struct sct_scripted_server){ .gets = SCT_REPLIES(replies) };
	start(&client, 0);
	assert_int_equal(get(&client), SC_E_PROTOCOL);
	assert_int_equal(get(&client), SC_E_TOO_LARGE);
	assert_int_equal(get(&client), SC_E_PROTOCOL);
	assert_int_equal(get(&client), SCI_HTTP_ANSWERED);
	stop(&client);
	assert_int_equal(server.request_count, 4);
	assert_int_equal(server.connection_count, 4);
}

/* Send a large request to a server that answers after its head. */
static int post_to_early_answer(enum sct_reply_end then, struct client *client)
{
	const struct sct_reply replies[] = {
		{
			.bytes = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno",
			.early = true,
			.then = then,
		},
	};
	const size_t len = 32 * 1024 * 1024;
	char *body = calloc(1, len);

	assert_non_null(body);
	server = (struct sct_scripted_server){ .posts = SCT_REPLIES(replies) };
	sct_scripted_server_start(&server);
	assert_int_equal(client_open(client, server.address, len), 0);
	int rc = post(client, body, len);
	sct_scripted_server_stop(&server);
	free(body);
	return rc;
}

static void receives_an_answer_while_sending(void **state)
{
	struct client client;

	(void)state;
	assert_int_equal(post_to_early_answer(SCT_THEN_STALL, &client), SCI_HTTP_ANSWERED);
	assert_int_equal(client.response.status, 413);
	assert_body(&client, "no");
	/* The request was sent in part, so the connection cannot be used again. */
	assert_int_equal(client.connection.fd, -1);
	assert_int_equal(server.request_count, 1);
	client_close(&client);
}

static void receives_an_answer_before_a_reset(void **state)
{
	struct client client;

	(void)state;
	/* The reset may overtake the answer; then the request is repeated, and accepted. */
	assert_int_equal(post_to_early_answer(SCT_THEN_CLOSE, &client), SCI_HTTP_ANSWERED);
	assert_int_equal(client.response.status, server.request_count == 1 ? 413 : 202);
	client_close(&client);
}

static void says_why_it_cannot_connect(void **state)
{
	char address[32];
	struct client client;
	struct rlimit before, none;

	(void)state;
	sct_dead_address(address);
	assert_int_equal(client_open(&client, address, 0), 0);
	assert_int_equal(get(&client), SC_E_IO);
	assert_int_equal(client.error.os_errno, ECONNREFUSED);
	assert_non_null(strstr(client.error.message, address));

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int rc = get(&client);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, SC_E_IO);
	assert_int_equal(client.error.os_errno, EMFILE);
	client_close(&client);
}

static void tries_both_addresses_of_localhost(void **state)
{
	static const struct sct_reply replies[] = { { .bytes = HELLO } };
	char address[32];
	struct client client;

	(void)state;
	server = (struct sct_scripted_server){ .gets = SCT_REPLIES(replies) };
	sct_scripted_server_start(&server);
	snprintf(address, sizeof address, "localhost%s", strchr(server.address, ':'));
	assert_int_equal(client_open(&client, address, 0), 0);
	assert_int_equal(get(&client), SCI_HTTP_ANSWERED);
	client_close(&client);
	sct_scripted_server_stop(&server);
	assert_int_equal(client_open(&client, address, 0), 0);
	assert_int_equal(get(&client), SC_E_IO);
	assert_int_equal(client.error.os_errno, ECONNREFUSED);
	client_close(&client);
}

static struct sci_http_interrupt *on_sigterm;

static void raise_interrupt(int signal_number)
{
	(void)signal_number;
	sci_http_interrupt_raise(on_sigterm);
}

/* A signal to any thread ends the wait for an answer. An exchange without an interrupt is
 * completed. */
static void is_interrupted(void **state)
{
	static const struct sct_reply held[] = {
		{ .bytes = HELLO },
		{ .terminates = true, .then = SCT_THEN_STALL },
		{ .bytes = HELLO },
	};
	static const struct sct_reply posts[] = { { .terminates = true, .bytes = HELLO } };
	struct sigaction action = { .sa_handler = raise_interrupt, .sa_flags = SA_RESTART }, before;
	struct client client;

	(void)state;
	server = (struct sct_scripted_server){ .gets = SCT_REPLIES(held),
		.posts = SCT_REPLIES(posts) };
	start(&client, 1);
	on_sigterm = &client.interrupt;
	sigaction(SIGTERM, &action, &before);
	assert_int_equal(get(&client), SCI_HTTP_ANSWERED);
	assert_int_equal(get(&client), SCI_HTTP_INTERRUPTED);
	assert_true(sci_http_interrupt_raised(&client.interrupt));
	assert_int_equal(get(&client), SCI_HTTP_INTERRUPTED);
	assert_int_equal(post(&client, "x", 1), SCI_HTTP_ANSWERED);
	assert_body(&client, "hello");
	sigaction(SIGTERM, &before, NULL);
	stop(&client);
	assert_int_equal(server.request_count, 3);
}

static int get_and_post(struct client *client, const char *body)
{
	int rc = get(client);
	if (rc != 0)
		return rc;
	assert_body(client, "hello");
	rc = post(client, body, strlen(body));
	if (rc != 0)
		return rc;
	assert_int_equal(client->response.status, 202);
	return 0;
}

/* Two GETs and two POSTs, whatever fails. */
static void scenario(void *arg)
{
	static const struct sct_reply replies[] = {
		{ .bytes = HELLO },
		{ .bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
			   "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" },
		{ .bytes = HELLO },
	};
	enum sct_network_fault fault = *(const enum sct_network_fault *)arg;
	struct client client;

	server = (struct sct_scripted_server){ .gets = SCT_REPLIES(replies) };
	sct_scripted_server_start(&server);
	int rc = client_open(&client, server.address, 100);
	char body[101];
	memset(body, 'b', 100);
	body[100] = '\0';
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = get_and_post(&client, body);
	client_close(&client);
	sct_scripted_server_stop(&server);
	if (fault == SCT_NETWORK_EINTR || fault == SCT_NETWORK_SHORT)
		assert_int_equal(rc, 0);
	if (rc == 0)
		assert_string_equal(server.requests[server.request_count - 1].body, body);
	/* Every loss before an answer is repaired, except a failed connect(). */
	if (rc < 0 && !sct_allocation_failed())
		assert_string_equal(sct_network_failed(), "connect");
	if (sct_allocation_failed())
		assert_int_equal(rc, SC_E_NOMEM);
}

static void survives_every_fault_at_every_call(void **state)
{
	(void)state;
	sct_fail_each_network_call(scenario);
}

static void survives_one_byte_at_a_time(void **state)
{
	(void)state;
	sct_move_single_bytes(scenario);
}

static void stays_whole_without_memory(void **state)
{
	enum sct_network_fault fault = SCT_NETWORK_FAULTS;

	(void)state;
	sct_fail_each_allocation(scenario, &fault);
}

static int send_only(struct client *client)
{
	const struct sci_http_request request = { .head = &client->get_head };

	return sci_http_connection_send(&client->connection, &request, &client->error);
}

/* The answer of the first request, and the end of the second one's connection, are noticed. */
static void sends_what_is_not_waited_for(void **state)
{
	static const struct sct_reply replies[] = { { .bytes = HELLO },
		{ .bytes = HELLO, .then = SCT_THEN_LEAVE }, { .then = SCT_THEN_CLOSE },
		{ .then = SCT_THEN_LEAVE } };
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct client client;

	(void)state;
	server.gets = (struct sct_reply_list)SCT_REPLIES(replies);
	start(&client, 0);
	assert_int_equal(get(&client), SCI_HTTP_ANSWERED);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send_only(&client), 0);
		while (!sci_http_connection_has_answer(&client.connection))
			clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	assert_int_equal(send_only(&client), 0);
	assert_false(sci_http_connection_has_answer(&client.connection));
	stop(&client);
	/* The server may be stopped before it accepts the last one. */
	assert_in_range(server.connection_count, 3, 4);
}

static void says_why_it_cannot_send(void **state)
{
	struct client client;
	char address[32];

	(void)state;
	sct_dead_address(address);
	assert_int_equal(client_open(&client, address, 0), 0);
	assert_int_equal(send_only(&client), SC_E_IO);
	assert_int_equal(client.error.os_errno, ECONNREFUSED);
	assert_int_equal(client.connection.fd, -1);
	client_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_connection),
		cmocka_unit_test(opens_another_connection),
		cmocka_unit_test(repeats_unanswered_requests),
		cmocka_unit_test(refuses_what_is_not_http),
		cmocka_unit_test(receives_an_answer_while_sending),
		cmocka_unit_test(receives_an_answer_before_a_reset),
		cmocka_unit_test(says_why_it_cannot_connect),
		cmocka_unit_test(tries_both_addresses_of_localhost),
		cmocka_unit_test(is_interrupted),
		cmocka_unit_test(sends_what_is_not_waited_for),
		cmocka_unit_test(says_why_it_cannot_send),
		cmocka_unit_test(survives_every_fault_at_every_call),
		cmocka_unit_test(survives_one_byte_at_a_time),
		cmocka_unit_test(stays_whole_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
