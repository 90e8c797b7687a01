/* One connection against servers that do what servers do: answer in pieces, close, reset, answer
 * early; then the same with every call failing in turn, and without memory. */
#include "support/allocation.h"
#include "support/cmocka.h"
#include "support/network.h"
#include "support/odd_server.h"

#include "http/http_connection.h"
#include "http/http_request.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_ANSWER ((size_t)1024 * 1024)

static struct sct_odd_server server;

/* What one test talks with. */
struct talk {
	struct sci_http_connection connection;
	struct sci_http_interrupt interrupt;
	struct sci_buffer get_head, post_head, in;
	struct sci_http_response response;
	struct sc_error error;
};

static int talk_open(struct talk *talk, const char *address, size_t body_len)
{
	*talk = (struct talk){ .connection = { .fd = -1 }, .interrupt = SCI_HTTP_INTERRUPT_INIT };
	assert_int_equal(sci_http_address_read(&talk->connection.address, address, NULL), 0);
	sci_http_request_line(&talk->get_head, "GET", "/");
	sci_http_request_end(&talk->get_head);
	sci_http_request_line(&talk->post_head, "POST", "/");
	sci_http_request_length(&talk->post_head, body_len);
	sci_http_request_end(&talk->post_head);
	int rc = sci_buffer_result(&talk->get_head);
	return rc < 0 ? rc : sci_buffer_result(&talk->post_head);
}

static void talk_close(struct talk *talk)
{
	sci_http_connection_close(&talk->connection);
	sci_buffer_fini(&talk->get_head);
	sci_buffer_fini(&talk->post_head);
	sci_buffer_fini(&talk->in);
}

static int get(struct talk *talk)
{
	const struct sci_http_request request = {
		.head = &talk->get_head,
		.max_answer = MAX_ANSWER,
		.interrupt = &talk->interrupt,
	};

	return sci_http_connection_exchange(&talk->connection, &request, &talk->in, &talk->response,
		&talk->error);
}

static int post(struct talk *talk, const char *body, size_t len)
{
	const struct sci_http_request request = {
		.head = &talk->post_head,
		.body = body,
		.body_len = len,
		.max_answer = MAX_ANSWER,
	};

	return sci_http_connection_exchange(&talk->connection, &request, &talk->in, &talk->response,
		&talk->error);
}

static void assert_body(const struct talk *talk, const char *body)
{
	assert_int_equal(talk->response.body_len, strlen(body));
	/* A NUL follows. */
	assert_string_equal(talk->in.data + talk->response.body_at, body);
}

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void keeps_its_connection(void **state)
{
	static const struct sct_odd_play plays[] = {
		{ .bytes = HELLO, .times = 2 },
		{ .bytes = HELLO, .in_bits = true },
		{ .bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
			   "chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
			.in_bits = true },
		{ .bytes = "HTTP/1.1 100 Continue\r\n\r\n" HELLO },
		{ .bytes = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: "
			   "5\r\n\r\nhello" },
	};
	struct talk talk;

	(void)state;
	server = (struct sct_odd_server){ .gets = SCT_ODD_PLAYS(plays) };
	sct_odd_server_start(&server);
	assert_int_equal(talk_open(&talk, server.address, 3), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(get(&talk), SCI_HTTP_ANSWERED);
		assert_body(&talk, "hello");
		assert_int_equal(post(&talk, "abc", 3), SCI_HTTP_ANSWERED);
		assert_int_equal(talk.response.status, 202);
	}
	talk_close(&talk);
	sct_odd_server_stop(&server);
	assert_int_equal(server.connection_count, 1);
	assert_int_equal(server.request_count, 12);
	assert_string_equal(server.requests[1].head,
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n");
	assert_string_equal(server.requests[11].body, "abc");
}

static void makes_another_connection(void **state)
{
	/* After each of these the next request needs a new one: the first because it goes unnoticed
	 * coming. */
	static const struct sct_odd_play plays[] = {
		{ .bytes = HELLO, .then = SCT_ODD_CLOSE },
		{ .bytes = HELLO, .then = SCT_ODD_RESET },
		{ .bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: "
			   "5\r\n\r\nhello" },
		{ .bytes = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
		{ .bytes = "HTTP/1.1 200 OK\r\n\r\nhello", .then = SCT_ODD_CLOSE },
		{ .bytes = HELLO "HTTP/1.1 200 forged" },
		{ .bytes = HELLO },
	};
	struct talk talk;

	(void)state;
	server = (struct sct_odd_server){ .gets = SCT_ODD_PLAYS(plays) };
	sct_odd_server_start(&server);
	assert_int_equal(talk_open(&talk, server.address, 0), 0);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(get(&talk), SCI_HTTP_ANSWERED);
		assert_body(&talk, "hello");
	}
	talk_close(&talk);
	sct_odd_server_stop(&server);
	assert_int_equal(server.connection_count, 7);
	assert_int_equal(server.request_count, 7);
}

static void repeats_what_was_not_answered(void **state)
{
	static const struct sct_odd_play plays[] = {
		{ .then = SCT_ODD_CLOSE },
		{ .bytes = HELLO },
		{ .then = SCT_ODD_RESET },
		{ .bytes = HELLO },
		{ .then = SCT_ODD_CLOSE, .times = 2 },
		{ .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
			.then = SCT_ODD_CLOSE },
		{ .bytes = "HTTP", .then = SCT_ODD_CLOSE },
		{ .bytes = HELLO },
	};
	struct talk talk;

	(void)state;
	server = (struct sct_odd_server){ .posts = SCT_ODD_PLAYS(plays) };
	sct_odd_server_start(&server);
	assert_int_equal(talk_open(&talk, server.address, 4), 0);
	assert_int_equal(post(&talk, "1111", 4), SCI_HTTP_ANSWERED);
	assert_int_equal(post(&talk, "2222", 4), SCI_HTTP_ANSWERED);
	/* Once only. */
	assert_int_equal(post(&talk, "3333", 4), SC_E_IO);
	assert_non_null(strstr(talk.error.message, "without an answer"));
	/* Not when there was something of an answer. */
	assert_int_equal(post(&talk, "4444", 4), SC_E_PROTOCOL);
	assert_int_equal(post(&talk, "5555", 4), SC_E_PROTOCOL);
	assert_non_null(strstr(talk.error.message, "before the answer was complete"));
	assert_int_equal(post(&talk, "6666", 4), SCI_HTTP_ANSWERED);
	talk_close(&talk);
	sct_odd_server_stop(&server);
	static const char sent[] = "112233456";
	assert_int_equal(server.request_count, strlen(sent));
	for (size_t i = 0; i < strlen(sent); i++)
		assert_int_equal(server.requests[i].body[0], sent[i]);
}

static void refuses_what_is_not_http(void **state)
{
	static const struct sct_odd_play plays[] = {
		{ .bytes = "220 mail.example.org ESMTP\r\n" },
		{ .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n" },
		{ .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" },
		{ .bytes = HELLO },
	};
	struct talk talk;

	(void)state;
	server = (struct sct_odd_server){ .gets = SCT_ODD_PLAYS(plays) };
	sct_odd_server_start(&server);
	assert_int_equal(talk_open(&talk, server.address, 0), 0);
	assert_int_equal(get(&talk), SC_E_PROTOCOL);
	assert_int_equal(get(&talk), SC_E_TOO_LARGE);
	assert_int_equal(get(&talk), SC_E_PROTOCOL);
	assert_int_equal(get(&talk), SCI_HTTP_ANSWERED);
	talk_close(&talk);
	sct_odd_server_stop(&server);
	assert_int_equal(server.request_count, 4);
	assert_int_equal(server.connection_count, 4);
}

/* A request that is answered when its head has come, and what comes of it. */
static int post_to_early_answer(enum sct_odd_end then, struct talk *talk)
{
	const struct sct_odd_play plays[] = {
		{
			.bytes = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno",
			.early = true,
			.then = then,
		},
	};
	const size_t len = 32 * 1024 * 1024;
	char *body = calloc(1, len);

	assert_non_null(body);
	server = (struct sct_odd_server){ .posts = SCT_ODD_PLAYS(plays) };
	sct_odd_server_start(&server);
	assert_int_equal(talk_open(talk, server.address, len), 0);
	int rc = post(talk, body, len);
	sct_odd_server_stop(&server);
	free(body);
	return rc;
}

static void hears_an_answer_while_sending(void **state)
{
	struct talk talk;

	(void)state;
	assert_int_equal(post_to_early_answer(SCT_ODD_STALL, &talk), SCI_HTTP_ANSWERED);
	assert_int_equal(talk.response.status, 413);
	assert_body(&talk, "no");
	/* The rest of the request was not sent, so no other may follow. */
	assert_int_equal(talk.connection.fd, -1);
	assert_int_equal(server.request_count, 1);
	talk_close(&talk);
}

static void hears_an_answer_before_a_reset(void **state)
{
	struct talk talk;

	(void)state;
	/* The reset may overtake the answer; then the request is repeated, and accepted. */
	assert_int_equal(post_to_early_answer(SCT_ODD_CLOSE, &talk), SCI_HTTP_ANSWERED);
	assert_int_equal(talk.response.status, server.request_count == 1 ? 413 : 202);
	talk_close(&talk);
}

static void says_why_it_cannot_connect(void **state)
{
	char address[32];
	struct talk talk;
	struct rlimit before, none;

	(void)state;
	sct_dead_address(address);
	assert_int_equal(talk_open(&talk, address, 0), 0);
	assert_int_equal(get(&talk), SC_E_IO);
	assert_int_equal(talk.error.os_errno, ECONNREFUSED);
	assert_non_null(strstr(talk.error.message, address));

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int rc = get(&talk);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, SC_E_IO);
	assert_int_equal(talk.error.os_errno, EMFILE);
	talk_close(&talk);
}

static void tries_both_addresses_of_localhost(void **state)
{
	static const struct sct_odd_play plays[] = { { .bytes = HELLO } };
	char address[32];
	struct talk talk;

	(void)state;
	server = (struct sct_odd_server){ .gets = SCT_ODD_PLAYS(plays) };
	sct_odd_server_start(&server);
	snprintf(address, sizeof address, "localhost%s", strchr(server.address, ':'));
	assert_int_equal(talk_open(&talk, address, 0), 0);
	assert_int_equal(get(&talk), SCI_HTTP_ANSWERED);
	talk_close(&talk);
	sct_odd_server_stop(&server);
	assert_int_equal(talk_open(&talk, address, 0), 0);
	assert_int_equal(get(&talk), SC_E_IO);
	assert_int_equal(talk.error.os_errno, ECONNREFUSED);
	talk_close(&talk);
}

static struct sci_http_interrupt *on_sigterm;

static void raise_interrupt(int signal_number)
{
	(void)signal_number;
	sci_http_interrupt_raise(on_sigterm);
}

/* The wait for an answer ends, whichever thread the signal comes to; an exchange that may not be
 * interrupted is completed. */
static void is_interrupted(void **state)
{
	static const struct sct_odd_play held[] = {
		{ .bytes = HELLO },
		{ .terminates = true, .then = SCT_ODD_STALL },
		{ .bytes = HELLO },
	};
	static const struct sct_odd_play posts[] = { { .terminates = true, .bytes = HELLO } };
	struct sigaction action = { .sa_handler = raise_interrupt, .sa_flags = SA_RESTART }, before;
	struct talk talk;

	(void)state;
	server = (struct sct_odd_server){ .gets = SCT_ODD_PLAYS(held),
		.posts = SCT_ODD_PLAYS(posts) };
	sct_odd_server_start(&server);
	assert_int_equal(talk_open(&talk, server.address, 1), 0);
	on_sigterm = &talk.interrupt;
	sigaction(SIGTERM, &action, &before);
	assert_int_equal(get(&talk), SCI_HTTP_ANSWERED);
	assert_int_equal(get(&talk), SCI_HTTP_INTERRUPTED);
	assert_true(sci_http_interrupt_raised(&talk.interrupt));
	assert_int_equal(get(&talk), SCI_HTTP_INTERRUPTED);
	assert_int_equal(post(&talk, "x", 1), SCI_HTTP_ANSWERED);
	assert_body(&talk, "hello");
	sigaction(SIGTERM, &before, NULL);
	talk_close(&talk);
	sct_odd_server_stop(&server);
	assert_int_equal(server.request_count, 3);
}

static int get_and_post(struct talk *talk, const char *body)
{
	int rc = get(talk);
	if (rc != 0)
		return rc;
	assert_body(talk, "hello");
	rc = post(talk, body, strlen(body));
	if (rc != 0)
		return rc;
	assert_int_equal(talk->response.status, 202);
	return 0;
}

/* Two exchanges each way, whatever else happens. */
static void scenario(void *arg)
{
	static const struct sct_odd_play plays[] = {
		{ .bytes = HELLO },
		{ .bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
			   "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" },
		{ .bytes = HELLO },
	};
	enum sct_network_fault fault = *(const enum sct_network_fault *)arg;
	struct talk talk;

	server = (struct sct_odd_server){ .gets = SCT_ODD_PLAYS(plays) };
	sct_odd_server_start(&server);
	int rc = talk_open(&talk, server.address, 100);
	char body[101];
	memset(body, 'b', 100);
	body[100] = '\0';
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = get_and_post(&talk, body);
	talk_close(&talk);
	sct_odd_server_stop(&server);
	if (fault == SCT_NETWORK_EINTR || fault == SCT_NETWORK_SHORT)
		assert_int_equal(rc, 0);
	if (rc == 0)
		assert_string_equal(server.requests[server.request_count - 1].body, body);
	/* What is lost before there was an answer is made good. */
	if (rc < 0 && !sct_allocation_failed())
		assert_string_equal(sct_network_failed(), "connect");
	if (sct_allocation_failed())
		assert_int_equal(rc, SC_E_NOMEM);
}

static void bears_every_fault_at_every_call(void **state)
{
	(void)state;
	for (int i = 0; i < SCT_NETWORK_FAULTS; i++) {
		enum sct_network_fault fault = (enum sct_network_fault)i;
		sct_fail_each_network_call(fault, scenario, &fault);
	}
}

static void bears_a_byte_at_a_time(void **state)
{
	enum sct_network_fault fault = SCT_NETWORK_SHORT;

	(void)state;
	sct_network_crawl(true);
	scenario(&fault);
	sct_network_crawl(false);
}

static void stays_whole_without_memory(void **state)
{
	enum sct_network_fault fault = SCT_NETWORK_FAULTS;

	(void)state;
	sct_fail_each_allocation(scenario, &fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_connection),
		cmocka_unit_test(makes_another_connection),
		cmocka_unit_test(repeats_what_was_not_answered),
		cmocka_unit_test(refuses_what_is_not_http),
		cmocka_unit_test(hears_an_answer_while_sending),
		cmocka_unit_test(hears_an_answer_before_a_reset),
		cmocka_unit_test(says_why_it_cannot_connect),
		cmocka_unit_test(tries_both_addresses_of_localhost),
		cmocka_unit_test(is_interrupted),
		cmocka_unit_test(bears_every_fault_at_every_call),
		cmocka_unit_test(bears_a_byte_at_a_time),
		cmocka_unit_test(stays_whole_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
