/* The figures as a table and as JSON, the latter read back by a parser. */
#include "support/cmocka.h"

#include "invoke/invoke_summary.h"

#include <jansson.h>
#include <string.h>

static const struct sci_invoke_subject subject = {
	.function = "na\"me",
	.endpoint = "http://127.0.0.1:1",
	.requested = 1234567,
	.parallel = 8,
};

static struct sci_invoke_result result;

static int fill_result(void **state)
{
	(void)state;
	memset(&result, 0, sizeof result);
	for (uint64_t ms = 1; ms <= 1000; ms++)
		sci_histogram_record(&result.latency, ms * 1000000);
	result.outcomes[SCI_INVOKE_OK] = 990;
	result.outcomes[SCI_INVOKE_FUNCTION_ERROR] = 10;
	result.outcomes[SCI_INVOKE_TIMED_OUT] = 3;
	result.done = 1003;
	result.elapsed_ns = UINT64_C(2006000000);
	result.sent_bytes = 5;
	result.received_bytes = 6;
	return 0;
}

static json_t *print_and_parse(const struct sci_buffer *answer)
{
	struct sci_buffer out = { 0 };
	json_error_t where;

	assert_int_equal(sci_invoke_print_json(&out, &subject, &result, answer), 0);
	assert_int_equal(out.data[out.len - 1], '\n');
	json_t *json =
		json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
	if (!json)
		fail_msg("%s: %.*s", where.text, (int)out.len, out.data);
	sci_buffer_fini(&out);
	return json;
}

static void assert_number(const json_t *json, const char *key, double expected)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_number(value) || json_number_value(value) < expected * 0.996 ||
		json_number_value(value) > expected * 1.004)
		fail_msg("%s is %f, not %f", key, json_number_value(value), expected);
}

static void json_has_every_figure(void **state)
{
	static const struct {
		const char *key;
		double value;
	} numbers[] = { { "parallel", 8 }, { "requested", 1234567 }, { "invocations", 1003 },
		{ "ok", 990 }, { "function_errors", 10 }, { "throttled", 0 }, { "refused", 0 },
		{ "timed_out", 3 }, { "no_answer", 0 }, { "elapsed_s", 2.006 },
		{ "rate_per_s", 500 }, { "sent_bytes", 5 }, { "received_bytes", 6 } };
	static const struct {
		const char *key;
		double us;
	} points[] = { { "min", 1000 }, { "p50", 500000 }, { "p90", 900000 }, { "p99", 990000 },
		{ "p99_9", 999000 }, { "max", 1000000 } };
	json_t *json = print_and_parse(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		assert_number(json, numbers[i].key, numbers[i].value);
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		assert_number(json_object_get(json, "latency_us"), points[i].key, points[i].us);
	assert_string_equal(json_string_value(json_object_get(json, "function")), "na\"me");
	assert_true(json_is_false(json_object_get(json, "interrupted")));
	assert_true(json_is_null(json_object_get(json, "first_failure")));
	assert_null(json_object_get(json, "answer"));
	assert_int_equal(json_object_size(json), 13 + 5);
	json_decref(json);
}

static void json_of_a_run_without_answers(void **state)
{
	(void)state;
	memset(&result, 0, sizeof result);
	result.first_failure.code = SC_E_IO;
	snprintf(result.first_failure.message, sizeof result.first_failure.message, "no\n\"way\"");
	json_t *json = print_and_parse(NULL);
	assert_true(json_is_null(json_object_get(json, "latency_us")));
	assert_int_equal(json_real_value(json_object_get(json, "rate_per_s")), 0);
	assert_string_equal(json_string_value(json_object_get(json, "first_failure")),
		"no\n\"way\"");
	json_decref(json);
}

static void assert_payload(const char *payload, size_t len, const char *key, const char *text)
{
	const struct sci_invoke_answer answer = {
		.status = 200,
		.payload = { payload, len },
		.request_id = "1-2",
		.function_error = "Un\"handled",
	};
	struct sci_buffer out = { 0 };

	assert_int_equal(sci_invoke_answer_json(&out, &answer), 0);
	json_t *json = print_and_parse(&out), *member = json_object_get(json, "answer");
	assert_int_equal(json_integer_value(json_object_get(member, "status")), 200);
	assert_string_equal(json_string_value(json_object_get(member, "request_id")), "1-2");
	assert_string_equal(json_string_value(json_object_get(member, "function_error")),
		"Un\"handled");
	char *dumped = json_dumps(json_object_get(member, key), JSON_ENCODE_ANY | JSON_COMPACT);
	assert_non_null(dumped);
	assert_string_equal(dumped, text);
	assert_int_equal(json_object_size(member), 4);
	free(dumped);
	json_decref(json);
	sci_buffer_fini(&out);
}

static void an_answer_is_told_as_it_is(void **state)
{
	(void)state;
	assert_payload("{\"a\": [1, 2]}", 13, "payload", "{\"a\":[1,2]}");
	assert_payload("null", 4, "payload", "null");
	assert_payload("not JSON\n", 9, "payload_text", "\"not JSON\\n\"");
	assert_payload("a\0\xFF", 3, "payload_text", "\"a\\u0000\xEF\xBF\xBD\"");
	assert_payload("", 0, "payload_text", "\"\"");
}

/* Numbers beyond C's own go through unread. */
static void a_large_number_stays(void **state)
{
	const struct sci_invoke_answer answer = {
		.payload = { "[123456789012345678901234567890, 1.10]", 38 },
		.request_id = "",
		.function_error = "",
	};
	struct sci_buffer out = { 0 };

	(void)state;
	assert_int_equal(sci_invoke_answer_json(&out, &answer), 0);
	assert_int_equal(sci_buffer_append(&out, "", 1), 0);
	assert_non_null(strstr(out.data, "\"payload\": [123456789012345678901234567890, 1.10]"));
	sci_buffer_fini(&out);
}

static void the_table_says_what_happened(void **state)
{
	struct sci_buffer out = { 0 };

	(void)state;
	assert_int_equal(sci_invoke_print_table(&out, &subject, &result), 0);
	assert_int_equal(sci_buffer_append(&out, "", 1), 0);
	static const char *const lines[] = { "    1,003 of 1,234,567   of na\"me, 8 at once\n",
		"  ok  ", "990\n", "  function errors               10\n",
		"  timed out waiting              3\n", "    2.006\n", "     500.0\n", "p99.9",
		" 1000.000\n" };
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (!strstr(out.data, lines[i]))
			fail_msg("no \"%s\" in\n%s", lines[i], out.data);
	assert_null(strstr(out.data, "throttled"));
	sci_buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(json_has_every_figure, fill_result),
		cmocka_unit_test(json_of_a_run_without_answers),
		cmocka_unit_test_setup(an_answer_is_told_as_it_is, fill_result),
		cmocka_unit_test(a_large_number_stays),
		cmocka_unit_test_setup(the_table_says_what_happened, fill_result),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
