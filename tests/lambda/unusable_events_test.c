/* Malformed events: bytes in texts are replaced, and if that is not enough the caller gets an
 * error, because Lambda would send the event again until the runtime gives up. */
#include "support/cmocka.h"
#include "support/network.h"

#include "lambda/recorded_run.h"

#include <stdio.h>
#include <string.h>

static int check_replaced_bytes(struct sc_invocation *inv, void *state)
{
	assert_string_equal(sc_invocation_client_context(inv), "a b c");
	assert_string_equal(sc_invocation_tenant_id(inv), "t   \tu");
	return recorded_handle(inv, state);
}

/* NUL, CR and folded lines become spaces, as RFC 9110 requires. An invocation id that had them
 * differs from the sent one, so it is not sent back. */
static void replaces_bytes_that_no_text_may_have(void **state)
{
	static const char event[] =
		EVENT_HEAD("1") "Lambda-Runtime-Client-Context: a\0b\rc\0\r\n"
				"Lambda-Runtime-Aws-Tenant-Id: t\r\n \tu\r\n"
				"Lambda-Runtime-Invocation-Id: i\0d\r\n" EVENT_BODY;
	static const struct sct_reply gets[] = { { .bytes = event, .len = sizeof event - 1 } };

	(void)state;
	recorded.handle = check_replaced_bytes;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	recorded_assert_post(0, "invocation/1/response", "{\"n\":1,\"len\":2}");
	assert_null(strstr(recorded_post(0)->head, "Invocation-Id"));
	assert_string_equal(recorded.log, "");
}

static void answers_events_that_cannot_be_received(void **state)
{
	static const struct {
		const char *rest, *message;
	} cases[] = {
		{ "Content-Length: 6292481\r\n\r\n{", "the body of the answer is too large" },
		{ "Transfer-Encoding: chunked\r\n\r\n600401\r\n{",
			"the body of the answer is too large" },
		{ "Transfer-Encoding: chunked\r\n\r\n1\n{",
			"the chunks of the answer are malformed" },
		{ "Transfer-Encoding: chunked\r\n\r\n2;\rx\r\n{}\r\n0\r\n\r\n",
			"the chunks of the answer are malformed" },
		{ "Transfer-Encoding: gzip\r\n\r\n",
			"the answer is not HTTP: a transfer coding other than chunked" },
		{ "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
			"the answer is not HTTP: conflicting lengths" },
		{ "No header\r\nContent-Length: 2\r\n\r\n{}",
			"the answer is not HTTP: a header without a name" },
		{ "X: y\nContent-Length: 2\r\n\r\n{}",
			"the answer is not HTTP: a line does not end with CR LF" },
	};
	char bytes[512], body[256];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct sct_reply gets[] = { { .bytes = bytes, .times = 12 },
			{ .bytes = EVENT("good") } };
		recorded_clear(state);
		sct_naps_taken();
		snprintf(bytes, sizeof bytes, "%s%s", EVENT_HEAD("bad-1") EVENT_DEADLINE,
			cases[i].rest);
		snprintf(body, sizeof body, RECORDED_UNUSABLE("%s"), cases[i].message);
		assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
		assert_int_equal(recorded_post_count(), 13);
		recorded_assert_post(0, "invocation/bad-1/error", body);
		recorded_assert_post(11, "invocation/bad-1/error", body);
		assert_non_null(strstr(recorded_post(0)->head,
			"\r\nLambda-Runtime-Function-Error-Type: Runtime.UnusableEvent\r\n"));
		recorded_assert_post(12, "invocation/good/response", "{\"n\":1,\"len\":2}");
		assert_string_equal(recorded.order, "ibhefs");
		assert_int_equal(recorded_logged(cases[i].message), 12);
		assert_int_equal(recorded_logged("\n"), 12);
		assert_int_equal(sct_naps_taken().count, 0);
	}
}

/* The id may follow the wrong line. */
static void finds_the_id_anywhere_in_the_head(void **state)
{
	static const char with_nul[] = "HTTP/1.1 200 OK\r\nwrong\r\nLambda-Runtime-Aws-Request-Id: "
				       "5\0"
				       "6\r\n" EVENT_BODY;
	static const struct sct_reply gets[] = {
		{ .bytes = "HTTP/1.1 200 OK\r\nwrong\r\nX: y\nLambda-Runtime-Aws-Request-Id: "
			   "1\r\n" EVENT_BODY },
		/* A response with this status is no event, and has no caller. */
		{ .bytes = "HTTP/1.1 500 Oh\r\nwrong\r\nLambda-Runtime-Aws-Request-Id: "
			   "2\r\n" EVENT_BODY },
		/* The bytes after the head are the body. */
		{ .bytes = "HTTP/1.1 200 OK\r\nwrong\r\n\r\nLambda-Runtime-Aws-Request-Id: "
			   "3\r\n\r\n" },
		{ .bytes = "HTTP/1.1 200 OK\r\nwrong\r\nLambda-Runtime-Aws-Request-Id: "
			   "a/b\r\n" EVENT_BODY },
		{ .bytes = with_nul, .len = sizeof with_nul - 1 },
	};

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "invocation/1/error",
		RECORDED_UNUSABLE("the answer is not HTTP: a header without a name"));
	assert_int_equal(recorded_logged("no event"), 4);
}

/* An event that was cut off may be complete the next time; after some tries it gets an error. */
static void answers_events_that_are_always_cut_off(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT_HEAD("1") "Content-Length: 10\r\n\r\n{}",
			.then = SCT_THEN_CLOSE,
			.times = 2 },
		{ .bytes = EVENT("1") },
		{ .bytes = EVENT_HEAD("2") "Content-Length: 10\r\n\r\n{}",
			.then = SCT_THEN_CLOSE,
			.times = 3 },
		{ .bytes = EVENT("3") },
	};

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_int_equal(recorded_post_count(), 3);
	recorded_assert_post(0, "invocation/1/response", "{\"n\":1,\"len\":2}");
	recorded_assert_post(1, "invocation/2/error",
		RECORDED_UNUSABLE("the connection was closed before the answer was complete"));
	recorded_assert_post(2, "invocation/3/response", "{\"n\":2,\"len\":2}");
	assert_string_equal(recorded.order, "ibhebhefs");
}

/* If the server refuses the error, the event stays pending, which counts as a failure. */
static void gives_up_when_the_error_is_refused(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT_HEAD("1") "wrong\r\n\r\n", .times = 20 },
	};
	static const struct sct_reply posts[] = { { .bytes = STATUS("403 Forbidden"),
		.times = 20 } };

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_REPLIES(posts)),
		SC_E_PROTOCOL);
	assert_non_null(strstr(recorded.error.message, "a header without a name"));
	assert_int_equal(recorded_post_count(), 10);
	assert_int_equal(recorded_logged("giving up"), 1);
	assert_string_equal(recorded.order, "ifs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(replaces_bytes_that_no_text_may_have, recorded_clear),
		cmocka_unit_test_setup(answers_events_that_cannot_be_received, recorded_clear),
		cmocka_unit_test_setup(finds_the_id_anywhere_in_the_head, recorded_clear),
		cmocka_unit_test_setup(answers_events_that_are_always_cut_off, recorded_clear),
		cmocka_unit_test_setup(gives_up_when_the_error_is_refused, recorded_clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
