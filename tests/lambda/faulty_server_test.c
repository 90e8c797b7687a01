/* Faulty servers: the runtime keeps its warm state after every fault that it can survive, and
 * reports the others. */
#include "support/cmocka.h"
#include "support/network.h"

#include "lambda/recorded_run.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Ten tries with nine pauses between them. */
#define ALL_PAUSES_MS (50 + 100 + 200 + 400 + 800 + 1600 + 3 * 2000)

static void gives_up_only_after_many_refusals(void **state)
{
	static const char *const answers[] = { STATUS("400 Bad Request"), STATUS("403 Forbidden"),
		STATUS("410 Gone"), STATUS("500 Internal Server Error"),
		HEAD("204 No Content") "\r\n" };
	static const int statuses[] = { 400, 403, 410, 500, 204 };
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		const struct sct_reply gets[] = { { .bytes = answers[i], .times = 60 } };
		recorded_clear(NULL);
		sct_naps_taken();
		assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES),
			SC_E_PROTOCOL);
		assert_int_equal(recorded.error.http_status, statuses[i]);
		snprintf(text, sizeof text, "answered %d", statuses[i]);
		assert_non_null(strstr(recorded.error.message, text));
		assert_int_equal(recorded_logged(text), 10);
		assert_int_equal(recorded.server.request_count, 10);
		assert_int_equal(sct_naps_taken().total_ms, ALL_PAUSES_MS);
		/* Fini and shutdown are called nevertheless. */
		assert_string_equal(recorded.order, "ifs");
	}
}

static void gives_up_without_a_server(void **state)
{
	char address[32];

	(void)state;
	sct_dead_address(address);
	sct_naps_taken();
	assert_int_equal(recorded_run_at(address), SC_E_IO);
	assert_non_null(strstr(recorded.error.message, "Connection refused"));
	assert_int_equal(recorded_logged("Connection refused"), 10);
	assert_int_equal(sct_naps_taken().total_ms, ALL_PAUSES_MS);
	assert_string_equal(recorded.order, "ifs");
}

static void recovers_with_its_state(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT("1") },
		{ .bytes = STATUS("500 Oh") },
		{ .bytes = EVENT("2") },
		{ .then = SCT_THEN_RESET },
		{ .bytes = EVENT("3") },
		{ .bytes = "garbage" },
		{ .bytes = EVENT("4") },
		{ .bytes = EVENT_HEAD("cut") "Content-Length: 10\r\n\r\n{}",
			.then = SCT_THEN_CLOSE },
		{ .bytes = EVENT("5") },
		{ .bytes = EVENT_HEAD("cut") "Content-Le", .then = SCT_THEN_RESET },
		{ .bytes = HEAD("204 No Content") "\r\n", .times = 9 },
		{ .bytes = EVENT("6") },
		/* A success restarts the count. */
		{ .bytes = STATUS("403 No"), .times = 9 },
		{ .bytes = EVENT("7") },
	};

	(void)state;
	/* The runtime gives up after ten failures in a row. */
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), SC_E_PROTOCOL);
	recorded_assert_post(4, "invocation/5/response", "{\"n\":5,\"len\":2}");
	assert_int_equal(recorded_post_count(), 5);

	struct sct_reply survivable[sizeof gets / sizeof gets[0]];
	memcpy(survivable, gets, sizeof gets);
	survivable[10].times = 8;
	recorded_clear(NULL);
	assert_int_equal(recorded_run(RECORDED_REPLIES(survivable), RECORDED_NO_REPLIES), 0);
	assert_int_equal(recorded_post_count(), 7);
	recorded_assert_post(0, "invocation/1/response", "{\"n\":1,\"len\":2}");
	recorded_assert_post(6, "invocation/7/response", "{\"n\":7,\"len\":2}");
	assert_string_equal(recorded.order, "ibhebhebhebhebhebhebhefs");
}

/* An event without a usual header, or with a malformed one, is still an event. */
static void runs_without_optional_headers(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: "
			   "bare\r\n" EVENT_BODY },
		{ .bytes = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: "
			   "bare\r\nContent-Type:\r\n"
			   "Lambda-Runtime-Trace-Id:\r\nLambda-Runtime-Invoked-Function-Arn:"
			   "\r\n" EVENT_BODY },
	};

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_true(recorded.remaining_ms == SC_NO_DEADLINE);
	recorded_assert_post(1, "invocation/bare/response", "{\"n\":2,\"len\":2}");
	assert_string_equal(recorded.log, "");
}

static void runs_without_a_bad_deadline(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT_HEAD("1") "Lambda-Runtime-Deadline-Ms: abc\r\n" EVENT_BODY,
			.times = 2 },
	};
	static const struct sct_reply past[] = {
		{ .bytes = EVENT_HEAD("2") "Lambda-Runtime-Deadline-Ms: 1000\r\n" EVENT_BODY },
	};

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_true(recorded.remaining_ms == SC_NO_DEADLINE);
	assert_int_equal(recorded_post_count(), 2);
	/* Logged once, not for every event. */
	assert_int_equal(recorded_logged("deadline"), 1);
	recorded_clear(NULL);
	assert_int_equal(recorded_run(RECORDED_REPLIES(past), RECORDED_NO_REPLIES), 0);
	assert_int_equal(recorded.remaining_ms, 0);
	assert_int_equal(recorded_post_count(), 1);
}

static void polls_on_without_a_request_id(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = HEAD("200 OK") EVENT_DEADLINE EVENT_BODY },
		{ .bytes = EVENT_HEAD("") EVENT_DEADLINE EVENT_BODY },
		{ .bytes = EVENT_HEAD("a/../b") EVENT_DEADLINE EVENT_BODY },
		{ .bytes = EVENT("good") },
	};

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_int_equal(recorded_logged("request id"), 3);
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "invocation/good/response", "{\"n\":1,\"len\":2}");
}

static void accepts_every_form_of_http(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\ncontent-length: "
			   "2\r\n\r\n{}" },
		{ .bytes = EVENT_HEAD(
			  "2") "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nT: "
			       "u\r\n\r\n",
			.bytewise = true },
		{ .bytes = "HTTP/1.1 100 Continue\r\n\r\n" EVENT("3") },
		{ .bytes = "HTTP/1.0 200 OK\r\nLambda-Runtime-Aws-Request-Id: 4\r\n" EVENT_BODY,
			.then = SCT_THEN_CLOSE },
		{ .bytes = "HTTP/1.0 200 OK\r\nLambda-Runtime-Aws-Request-Id: 5\r\n\r\n{}",
			.then = SCT_THEN_CLOSE },
		{ .bytes = EVENT_HEAD("6") "Connection: close\r\n" EVENT_BODY,
			.then = SCT_THEN_CLOSE },
		{ .bytes = EVENT("7"), .bytewise = true },
		{ .bytes = EVENT("8") },
	};
	static const struct sct_reply posts[] = {
		{ .bytes = HEAD("202 Accepted") "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
		{ .bytes = "HTTP/1.0 202 Accepted\r\n\r\n", .then = SCT_THEN_CLOSE },
		{ .bytes = STATUS("202 Accepted"), .then = SCT_THEN_CLOSE },
		{ .bytes = STATUS("202 Accepted"), .then = SCT_THEN_RESET },
		{ .bytes = HEAD("202 Accepted") "Connection: close\r\nContent-Length: 0\r\n\r\n" },
		{ .bytes = "HTTP/1.1 100 Continue\r\n\r\n" HEAD(
			  "202 Accepted") "Content-Length: 0\r\n\r\n" },
		{ .bytes = HEAD("200 OK") "Content-Length: 0\r\n\r\n" },
	};
	char path[40], body[40];

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_REPLIES(posts)), 0);
	assert_int_equal(recorded_post_count(), 8);
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof path, "invocation/%d/response", i + 1);
		snprintf(body, sizeof body, "{\"n\":%d,\"len\":2}", i + 1);
		recorded_assert_post((size_t)i, path, body);
	}
	assert_string_equal(recorded.log, "");
}

/* An event whose head has `len` bytes in all. */
static const char *with_head_of(size_t len)
{
	static char bytes[2 * 1024 * 1024];
	static const char from[] = EVENT_HEAD("large") "Lambda-Runtime-Client-Context: ";
	static const char to[] = "\r\nContent-Length: 2\r\n\r\n";
	size_t padding = len - (sizeof from - 1) - (sizeof to - 1);

	assert_true(len + 3 <= sizeof bytes);
	memset(bytes, 'c', sizeof bytes);
	memcpy(bytes, from, sizeof from - 1);
	memcpy(bytes + sizeof from - 1 + padding, to, sizeof to - 1);
	memcpy(bytes + len, "{}", 3);
	return bytes;
}

static size_t context_len;

static int measure_context(struct sc_invocation *inv, void *state)
{
	const char *context = sc_invocation_client_context(inv);

	context_len = context ? strlen(context) : 0;
	return recorded_handle(inv, state);
}

static void accepts_large_heads(void **state)
{
	static const size_t sizes[] = { 20000, 150000, 1048576 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct sct_reply gets[] = { { .bytes = with_head_of(sizes[i]) } };
		recorded_clear(NULL);
		recorded.handle = measure_context;
		assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
		recorded_assert_post(0, "invocation/large/response", "{\"n\":1,\"len\":2}");
		assert_in_range(context_len, sizes[i] - 300, sizes[i]);
	}
	/* An event over the limit cannot be received, but its caller gets an error. */
	const struct sct_reply over[] = { { .bytes = with_head_of(1048577), .times = 20 } };
	recorded_clear(NULL);
	assert_int_equal(recorded_run(RECORDED_REPLIES(over), RECORDED_NO_REPLIES), 0);
	assert_int_equal(recorded_post_count(), 20);
	recorded_assert_post(19, "invocation/large/error",
		RECORDED_UNUSABLE("the head of the answer is too large"));
	assert_string_equal(recorded.order, "ifs");
}

static char seen[64];
static size_t seen_len;

static int keep_event(struct sc_invocation *inv, void *state)
{
	const char *event = sc_invocation_event(inv, &seen_len);

	(void)state;
	assert_true(seen_len < sizeof seen);
	memcpy(seen, event, seen_len + 1);
	return sc_invocation_answer(inv, event, seen_len, "application/octet-stream");
}

static void passes_bytes_unchanged(void **state)
{
	static const char nul[] = EVENT_HEAD("1") "Content-Length: 5\r\n\r\na\0b\0\xFF";
	static const struct sct_reply gets[] = { { .bytes = nul, .len = sizeof nul - 1 } };
	static const struct sct_reply empty[] = {
		{ .bytes = EVENT_HEAD("2") "Content-Length: 0\r\n\r\n" },
	};

	(void)state;
	recorded.handle = keep_event;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_int_equal(seen_len, 5);
	assert_memory_equal(seen, "a\0b\0\xFF", 6);
	assert_int_equal(recorded_post(0)->body_len, 5);
	assert_memory_equal(recorded_post(0)->body, "a\0b\0\xFF", 5);
	assert_non_null(
		strstr(recorded_post(0)->head, "\r\nContent-Type: application/octet-stream\r\n"));

	recorded_clear(NULL);
	recorded.handle = keep_event;
	assert_int_equal(recorded_run(RECORDED_REPLIES(empty), RECORDED_NO_REPLIES), 0);
	assert_int_equal(seen_len, 0);
	assert_string_equal(seen, "");
	recorded_assert_post(0, "invocation/2/response", "");
}

static void passes_a_context_that_is_not_json(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT_HEAD(
			  "1") "Lambda-Runtime-Client-Context: {not json\r\n" EVENT_BODY },
	};

	(void)state;
	recorded.handle = measure_context;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_int_equal(context_len, strlen("{not json"));
	assert_int_equal(recorded_post_count(), 1);
}

static void polls_on_when_a_post_is_refused(void **state)
{
	static const struct sct_reply gets[] = { { .bytes = EVENT("1"), .times = 6 } };
	static const struct sct_reply posts[] = {
		{ .bytes = STATUS("400 Bad Request") },
		{ .bytes = STATUS("403 Forbidden") },
		{ .bytes = STATUS("500 Oh") },
		{ .bytes = STATUS("410 Gone") },
		{ .bytes = STATUS("302 Elsewhere") },
	};

	(void)state;
	sct_naps_taken();
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_REPLIES(posts)), 0);
	assert_int_equal(recorded_post_count(), 6);
	recorded_assert_post(5, "invocation/1/response", "{\"n\":6,\"len\":2}");
	assert_int_equal(recorded_logged("answered 400"), 1);
	assert_int_equal(recorded_logged("answered 403"), 1);
	assert_int_equal(recorded_logged("answered 500"), 1);
	assert_int_equal(recorded_logged("timed out"), 1);
	assert_int_equal(recorded_logged("answered 302"), 1);
	assert_int_equal(recorded_logged("\n"), 5);
	/* The next poll follows at once, on the same connection. */
	assert_int_equal(sct_naps_taken().count, 0);
	assert_int_equal(recorded.server.connection_count, 1);
}

static void posts_an_error_for_a_response_that_is_too_large(void **state)
{
	static const struct sct_reply gets[] = { { .bytes = EVENT("1"), .times = 3 } };
	static const struct sct_reply posts[] = {
		{ .bytes = STATUS("413 Too Large") },
		{ .bytes = STATUS("202 Accepted") },
		{ .bytes = STATUS("413 Too Large") },
		{ .bytes = STATUS("413 Too Large") },
	};

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_REPLIES(posts)), 0);
	assert_int_equal(recorded_post_count(), 5);
	recorded_assert_post(1, "invocation/1/error",
		"{\"errorMessage\":\"the response of 15 bytes is larger than what the platform "
		"accepts\","
		"\"errorType\":\"Function.ResponseSizeTooLarge\",\"stackTrace\":[]}");
	assert_non_null(strstr(recorded_post(1)->head,
		"\r\nLambda-Runtime-Function-Error-Type: Function.ResponseSizeTooLarge\r\n"));
	assert_int_equal(recorded_logged("too large"), 2);
	assert_int_equal(recorded_logged("answered 413"), 1);
	recorded_assert_post(4, "invocation/1/response", "{\"n\":3,\"len\":2}");
}

/* When the 413 has already answered the caller, the server refuses the error that follows with a
 * 403, which is no fault. */
static void logs_no_refusal_of_a_second_answer(void **state)
{
	static const struct sct_reply gets[] = { { .bytes = EVENT("1"), .times = 2 } };
	static const struct sct_reply posts[] = {
		{ .bytes = STATUS("413 Too Large") },
		{ .bytes = STATUS("403 Forbidden") },
	};

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_REPLIES(posts)), 0);
	assert_int_equal(recorded_post_count(), 3);
	assert_int_equal(recorded_logged("too large"), 1);
	assert_int_equal(recorded_logged("\n"), 1);
}

static int note_texts(struct sc_invocation *inv, void *state)
{
	assert_string_equal(sc_invocation_client_context(inv), "a\x7F\x01z");
	assert_string_equal(sc_invocation_tenant_id(inv), "\x1Bt\x7F");
	assert_string_equal(sc_invocation_trace_id(inv), "Root=\x7F");
	return recorded_handle(inv, state);
}

/* If the runtime refused such an event, the server would send it again and again. */
static void accepts_control_characters(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = "HTTP/1.1 200 O\x02K\r\nLambda-Runtime-Aws-Request-Id: 1\r\n"
			   "Lambda-Runtime-Client-Context: a\x7F\x01z\r\n"
			   "Lambda-Runtime-Aws-Tenant-Id: \x1Bt\x7F\r\n"
			   "Lambda-Runtime-Trace-Id: Root=\x7F\r\n"
			   "Lambda-Runtime-Invocation-Id: \x7F\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n2;\x7F\r\n{}\r\n0\r\nX: \x7F\r\n\r\n",
			.times = 2 },
	};

	(void)state;
	recorded.handle = note_texts;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_int_equal(recorded_post_count(), 2);
	recorded_assert_post(1, "invocation/1/response", "{\"n\":2,\"len\":2}");
	/* The id may be received, but not sent. */
	assert_null(strstr(recorded_post(0)->head, "Invocation-Id"));
	assert_int_equal(recorded_logged("\n"), 0);
}

/* ---- A server that accepts an answer and stays silent. ---- */

static void the_deadline_ends_the_wait_for_a_silent_server(void **state)
{
	char event[512];
	const struct sct_reply gets[] = { { .bytes = event }, { .bytes = EVENT("2") } };
	static const struct sct_reply posts[] = { { .then = SCT_THEN_STALL } };
	struct timespec now;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(event, sizeof event,
		EVENT_HEAD("1") "Lambda-Runtime-Deadline-Ms: %lld\r\n" EVENT_BODY,
		(long long)now.tv_sec * 1000 + 100);
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_REPLIES(posts)), 0);
	assert_int_equal(recorded_logged("did not answer in time"), 1);
	assert_int_equal(recorded_post_count(), 2);
	assert_string_equal(recorded.order, "ibhebhefs");
}

/* With and without a deadline. */
static void sigterm_ends_the_wait_for_a_silent_server(void **state)
{
	static const struct sct_reply without[] = { { .bytes = EVENT_HEAD("1") EVENT_BODY } };
	static const struct sct_reply with[] = { { .bytes = EVENT("1") } };
	static const struct sct_reply posts[] = {
		{ .terminates = true, .then = SCT_THEN_STALL },
	};

	assert_int_equal(recorded_run(RECORDED_REPLIES(without), RECORDED_REPLIES(posts)), 0);
	assert_int_equal(recorded_logged("did not answer in time"), 1);
	assert_string_equal(recorded.order, "ibhefs");
	recorded_clear(state);
	assert_int_equal(recorded_run(RECORDED_REPLIES(with), RECORDED_REPLIES(posts)), 0);
	assert_int_equal(recorded_logged("did not answer in time"), 1);
	assert_string_equal(recorded.order, "ibhefs");
}

/* SIGTERM ends a silent wait, but not an answer that arrives in pieces. */
static void sigterm_lets_a_server_finish_its_answer(void **state)
{
	static const struct sct_reply gets[] = { { .bytes = EVENT_HEAD("1") EVENT_BODY } };
	static const struct sct_reply posts[] = {
		{ .bytes = STATUS("202 Accepted"), .terminates = true, .bytewise = true },
	};

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_REPLIES(posts)), 0);
	assert_string_equal(recorded.log, "");
	assert_string_equal(recorded.order, "ibhefs");
}

static void repeats_a_lost_post(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT("1") },
		{ .bytes = EVENT("2") },
		{ .bytes = EVENT("3") },
		{ .bytes = EVENT("4") },
		{ .bytes = EVENT("5") },
	};
	static const struct sct_reply posts[] = {
		{ .then = SCT_THEN_RESET },
		{ .bytes = STATUS("202 Accepted") },
		{ .then = SCT_THEN_CLOSE },
		{ .bytes = STATUS("202 Accepted") },
		/* The server had the first post, so it refuses the second. */
		{ .then = SCT_THEN_CLOSE },
		{ .bytes = STATUS("403 Forbidden") },
		/* A post is repeated only once. */
		{ .then = SCT_THEN_RESET, .times = 2 },
	};
	static const char ids[] = "112233445";
	char path[64];

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_REPLIES(posts)), 0);
	assert_int_equal(recorded_post_count(), 9);
	for (size_t i = 0; i < 9; i++) {
		snprintf(path, sizeof path, "POST /2018-06-01/runtime/invocation/%c/response ",
			ids[i]);
		assert_memory_equal(recorded_post(i)->head, path, strlen(path));
	}
	recorded_assert_post(8, "invocation/5/response", "{\"n\":5,\"len\":2}");
	assert_int_equal(recorded_logged("could not be answered"), 2);
	assert_string_equal(recorded.order, "ibhebhebhebhebhefs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(gives_up_only_after_many_refusals, recorded_clear),
		cmocka_unit_test_setup(gives_up_without_a_server, recorded_clear),
		cmocka_unit_test_setup(recovers_with_its_state, recorded_clear),
		cmocka_unit_test_setup(runs_without_optional_headers, recorded_clear),
		cmocka_unit_test_setup(runs_without_a_bad_deadline, recorded_clear),
		cmocka_unit_test_setup(polls_on_without_a_request_id, recorded_clear),
		cmocka_unit_test_setup(accepts_every_form_of_http, recorded_clear),
		cmocka_unit_test_setup(accepts_large_heads, recorded_clear),
		cmocka_unit_test_setup(passes_bytes_unchanged, recorded_clear),
		cmocka_unit_test_setup(passes_a_context_that_is_not_json, recorded_clear),
		cmocka_unit_test_setup(polls_on_when_a_post_is_refused, recorded_clear),
		cmocka_unit_test_setup(posts_an_error_for_a_response_that_is_too_large,
			recorded_clear),
		cmocka_unit_test_setup(logs_no_refusal_of_a_second_answer, recorded_clear),
		cmocka_unit_test_setup(accepts_control_characters, recorded_clear),
		cmocka_unit_test_setup(the_deadline_ends_the_wait_for_a_silent_server,
			recorded_clear),
		cmocka_unit_test_setup(sigterm_ends_the_wait_for_a_silent_server, recorded_clear),
		cmocka_unit_test_setup(sigterm_lets_a_server_finish_its_answer, recorded_clear),
		cmocka_unit_test_setup(repeats_a_lost_post, recorded_clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
