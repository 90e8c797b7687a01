/* How the headers of an event are read, whatever they contain. */
#include "support/cmocka.h"

#include "lambda/event.h"

#include <stdio.h>
#include <string.h>

static struct sci_http_response response;
static struct sci_buffer in;

/* Parse an event with these headers and the body "{}". */
static struct sci_event event_of(const char *headers)
{
	struct sci_event event;

	in.len = 0;
	response = (struct sci_http_response){ .max_body = 100 };
	assert_int_equal(
		sci_buffer_printf(&in, "HTTP/1.1 200 OK\r\n%sContent-Length: 2\r\n\r\n{}", headers),
		0);
	assert_int_equal(sci_http_response_feed(&response, &in, NULL), 1);
	sci_event_read(&event, &response, in.data);
	return event;
}

static int forget(void **state)
{
	(void)state;
	sci_buffer_fini(&in);
	return 0;
}

static void reads_all_headers(void **state)
{
	struct sci_event event = event_of(
		"Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4\r\n"
		"lambda-runtime-invocation-id: i-1\r\n"
		"LAMBDA-RUNTIME-DEADLINE-MS: 1800000000123\r\n"
		"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:x:1:function:f:live\r\n"
		"Lambda-Runtime-Trace-Id: Root=1-5;Sampled=1\r\n"
		"Lambda-Runtime-Client-Context: not { json\r\n"
		"Lambda-Runtime-Cognito-Identity: {\"cognitoIdentityId\":\"x\"}\r\n"
		"Lambda-Runtime-Aws-Tenant-Id: tenant \xC3\xA9\r\n"
		"Content-Type: application/json\r\n");

	(void)state;
	assert_string_equal(event.request_id, "8476a536-e9f4");
	assert_string_equal(event.invocation_id, "i-1");
	assert_int_equal(event.deadline_ms, 1800000000123);
	assert_false(event.deadline_is_malformed);
	assert_string_equal(event.function_arn, "arn:aws:lambda:x:1:function:f:live");
	assert_string_equal(event.trace_id, "Root=1-5;Sampled=1");
	assert_string_equal(event.client_context, "not { json");
	assert_string_equal(event.identity, "{\"cognitoIdentityId\":\"x\"}");
	assert_string_equal(event.tenant_id, "tenant \xC3\xA9");
	assert_int_equal(event.body_len, 2);
	assert_memory_equal(event.body, "{}", 2);
	assert_true(sci_event_is_answerable(&event));
}

static void treats_empty_as_absent(void **state)
{
	struct sci_event event = event_of("Lambda-Runtime-Aws-Request-Id: \r\n"
					  "Lambda-Runtime-Trace-Id:\t\r\n"
					  "Lambda-Runtime-Deadline-Ms:\r\n"
					  "Lambda-Runtime-Aws-Tenant-Id:\r\n");

	(void)state;
	assert_null(event.request_id);
	assert_null(event.trace_id);
	assert_null(event.tenant_id);
	assert_null(event.client_context);
	assert_int_equal(event.deadline_ms, 0);
	assert_false(event.deadline_is_malformed);
	assert_false(sci_event_is_answerable(&event));
}

static void takes_the_first_that_is_not_empty(void **state)
{
	struct sci_event event = event_of("Lambda-Runtime-Aws-Request-Id:\r\n"
					  "Lambda-Runtime-Aws-Request-Id: one\r\n"
					  "Lambda-Runtime-Aws-Request-Id: two\r\n");

	(void)state;
	assert_string_equal(event.request_id, "one");
}

static void ignores_a_malformed_deadline(void **state)
{
	static const char *const texts[] = { "abc", "-1", "1e9", "12 34", "0x12",
		"18000000000001800000000000", "9223372036854775808", "\xC3\xA9" };
	char header[100];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		snprintf(header, sizeof header, "Lambda-Runtime-Deadline-Ms: %s\r\n", texts[i]);
		struct sci_event event = event_of(header);
		assert_int_equal(event.deadline_ms, 0);
		assert_true(event.deadline_is_malformed);
	}
	struct sci_event zero = event_of("Lambda-Runtime-Deadline-Ms: 0\r\n");
	assert_int_equal(zero.deadline_ms, 0);
	assert_false(zero.deadline_is_malformed);
}

/* The id becomes part of a path, so an id that would change the path is refused. */
static void refuses_ids_that_are_paths(void **state)
{
	static const char *const ids[] = { "a/b", "..%2f", "a?b", "a#b", "a b", "\xC3\xA9", "a\"b",
		"a;b" };
	char header[100];

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		snprintf(header, sizeof header, "Lambda-Runtime-Aws-Request-Id: %s\r\n", ids[i]);
		struct sci_event event = event_of(header);
		assert_false(sci_event_is_answerable(&event));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_headers),
		cmocka_unit_test(treats_empty_as_absent),
		cmocka_unit_test(takes_the_first_that_is_not_empty),
		cmocka_unit_test(ignores_a_malformed_deadline),
		cmocka_unit_test(refuses_ids_that_are_paths),
	};
	return cmocka_run_group_tests(tests, NULL, forget);
}
