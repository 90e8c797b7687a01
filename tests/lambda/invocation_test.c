/* An invocation without a runtime: what the handler can read, and the answer that it makes. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "base/clock.h"
#include "lambda/invocation.h"

#include <string.h>

static const struct sci_event event = {
	.request_id = "r-1",
	.function_arn = "arn",
	.trace_id = "Root=1",
	.client_context = "{}",
	.identity = "me",
	.tenant_id = "t",
	.body = "0123456789",
	.body_len = 10,
};

static struct sc_invocation begin(void)
{
	struct sc_invocation inv = { 0 };

	sci_invocation_begin(&inv, &event);
	return inv;
}

static void assert_response(const struct sc_invocation *inv, const char *text,
	const char *content_type)
{
	size_t len;
	const char *data = sci_invocation_response(inv, &len);

	assert_int_equal(inv->outcome, SCI_ANSWERED);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(data, text, len);
	assert_string_equal(inv->content_type, content_type);
}

static void assert_failure(const struct sc_invocation *inv, const char *json, const char *type)
{
	assert_int_equal(inv->outcome, SCI_FAILED);
	assert_int_equal(inv->failure.len, strlen(json));
	assert_memory_equal(inv->failure.data, json, inv->failure.len);
	assert_string_equal(inv->failure_type, type);
}

static void returns_the_event(void **state)
{
	struct sc_invocation inv = begin();
	size_t len;

	(void)state;
	assert_ptr_equal(sc_invocation_event(&inv, &len), event.body);
	assert_int_equal(len, 10);
	assert_string_equal(sc_invocation_request_id(&inv), "r-1");
	assert_string_equal(sc_invocation_function_arn(&inv), "arn");
	assert_string_equal(sc_invocation_trace_id(&inv), "Root=1");
	assert_string_equal(sc_invocation_client_context(&inv), "{}");
	assert_string_equal(sc_invocation_identity(&inv), "me");
	assert_string_equal(sc_invocation_tenant_id(&inv), "t");
	sci_invocation_fini(&inv);
}

static void counts_down_to_the_deadline(void **state)
{
	struct sci_event timed = event;
	struct sc_invocation inv = { 0 };

	(void)state;
	sci_invocation_begin(&inv, &timed);
	assert_int_equal(sc_invocation_deadline_ms(&inv), 0);
	assert_true(sc_invocation_remaining_ms(&inv) == SC_NO_DEADLINE);
	timed.deadline_ms = 1;
	assert_int_equal(sc_invocation_deadline_ms(&inv), 1);
	assert_int_equal(sc_invocation_remaining_ms(&inv), 0);
	timed.deadline_ms = sci_real_ms() + 3600000;
	assert_in_range(sc_invocation_remaining_ms(&inv), 3600000 - 60000, 3600000);
	sci_invocation_fini(&inv);
}

static void answers_with_bytes(void **state)
{
	struct sc_invocation inv = begin();

	(void)state;
	assert_int_equal(inv.outcome, SCI_UNANSWERED);
	assert_int_equal(sc_invocation_answer(&inv, "first", 5, "text/plain; charset=utf-8"), 0);
	assert_response(&inv, "first", "text/plain; charset=utf-8");
	assert_int_equal(sc_invocation_answer(&inv, "a longer one", 12, NULL), 0);
	assert_response(&inv, "a longer one", "application/json");
	assert_int_equal(sc_invocation_answer(&inv, NULL, 0, NULL), 0);
	assert_response(&inv, "", "application/json");
	sci_invocation_fini(&inv);
}

static void refuses_what_cannot_be_sent(void **state)
{
	struct sc_invocation inv = begin();

	(void)state;
	assert_int_equal(sc_invocation_answer(&inv, "kept", 4, "text/plain"), 0);
	assert_int_equal(sc_invocation_answer(&inv, "x", 1, "text/plain\r\nX: y"), SC_E_INVAL);
	assert_int_equal(sc_invocation_answer(&inv, "x", 1, ""), SC_E_INVAL);
	assert_int_equal(sc_invocation_answer(&inv, NULL, 1, NULL), SC_E_INVAL);
	assert_response(&inv, "kept", "text/plain");
	sci_invocation_fini(&inv);
}

static void appends_text(void **state)
{
	struct sc_invocation inv = begin();

	(void)state;
	assert_int_equal(sc_invocation_printf(&inv, "{\"n\":%d,\"s\":", 7), 0);
	assert_int_equal(sc_invocation_json_string(&inv, "caf\xC3\xA9 \"\n\xFF", 9), 0);
	assert_int_equal(sc_invocation_printf(&inv, "}"), 0);
	assert_response(&inv, "{\"n\":7,\"s\":\"caf\xC3\xA9 \\\"\\n\xEF\xBF\xBD\"}",
		"application/json");
	/* Text can be appended to an answer of another type too. */
	assert_int_equal(sc_invocation_answer(&inv, "<p>", 3, "text/html"), 0);
	assert_int_equal(sc_invocation_printf(&inv, "%s", "hello"), 0);
	assert_response(&inv, "<p>hello", "text/html");
	sci_invocation_fini(&inv);
}

/* An answer that is part of the event is not copied, until the handler appends to it. */
static void answers_with_a_part_of_the_event(void **state)
{
	struct sc_invocation inv = begin();
	size_t len;

	(void)state;
	assert_int_equal(sc_invocation_answer(&inv, event.body, 10, NULL), 0);
	assert_ptr_equal(sci_invocation_response(&inv, &len), event.body);
	assert_response(&inv, "0123456789", "application/json");
	assert_int_equal(sc_invocation_answer(&inv, event.body + 8, 2, NULL), 0);
	assert_ptr_equal(sci_invocation_response(&inv, &len), event.body + 8);
	assert_int_equal(sc_invocation_printf(&inv, "-"), 0);
	assert_response(&inv, "89-", "application/json");
	assert_int_equal(sc_invocation_answer(&inv, event.body + 1, 1, "a/b"), 0);
	assert_int_equal(sc_invocation_json_string(&inv, "x", 1), 0);
	assert_response(&inv, "1\"x\"", "a/b");
	assert_int_equal(sc_invocation_answer(&inv, "new", 3, NULL), 0);
	assert_response(&inv, "new", "application/json");
	/* The next invocation begins without the answer of this one. */
	assert_int_equal(sc_invocation_answer(&inv, event.body, 5, NULL), 0);
	sci_invocation_begin(&inv, &event);
	assert_int_equal(inv.outcome, SCI_UNANSWERED);
	sci_invocation_response(&inv, &len);
	assert_int_equal(len, 0);
	sci_invocation_fini(&inv);
}

static void fails_with_type_and_message(void **state)
{
	struct sc_invocation inv = begin();

	(void)state;
	assert_int_equal(sc_invocation_fail(&inv, "Function.NoSuchReport",
				 "no report \"%s\" for \xC3\xA9\xFF", "a"),
		SC_E_FUNCTION);
	assert_failure(&inv,
		"{\"errorMessage\":\"no report \\\"a\\\" for \xC3\xA9\xEF\xBF\xBD\","
		"\"errorType\":\"Function.NoSuchReport\",\"stackTrace\":[]}",
		"Function.NoSuchReport");
	assert_int_equal(sc_invocation_fail(&inv, NULL, "x"), SC_E_FUNCTION);
	assert_failure(&inv,
		"{\"errorMessage\":\"x\",\"errorType\":\"Function.Error\",\"stackTrace\":[]}",
		"Function.Error");
	/* An error type that a header cannot hold is still in the JSON. */
	sc_invocation_fail(&inv, "a\nb", "x");
	assert_failure(&inv, "{\"errorMessage\":\"x\",\"errorType\":\"a\\nb\",\"stackTrace\":[]}",
		"Function.Unknown");
	char long_type[300];
	memset(long_type, 'T', sizeof long_type - 1);
	long_type[sizeof long_type - 1] = '\0';
	sc_invocation_fail(&inv, long_type, "x");
	assert_string_equal(inv.failure_type, "Function.Unknown");
	sci_invocation_fini(&inv);
}

static void the_last_answer_counts(void **state)
{
	struct sc_invocation inv = begin();

	(void)state;
	sc_invocation_answer(&inv, "an answer", 9, "text/plain");
	sc_invocation_fail(&inv, NULL, "x");
	assert_int_equal(inv.outcome, SCI_FAILED);
	assert_int_equal(sc_invocation_printf(&inv, "%d", 1), 0);
	assert_response(&inv, "1", "application/json");
	sc_invocation_fail(&inv, NULL, "x");
	assert_int_equal(sc_invocation_answer(&inv, event.body, 1, NULL), 0);
	sc_invocation_fail(&inv, NULL, "x");
	assert_int_equal(sc_invocation_json_string(&inv, "s", 1), 0);
	assert_response(&inv, "\"s\"", "application/json");
	sci_invocation_fini(&inv);
}

static size_t response_len(const struct sc_invocation *inv)
{
	size_t len;

	sci_invocation_response(inv, &len);
	return len;
}

/* Each call in turn; a call without memory leaves the answer as it was. */
static int call_each(struct sc_invocation *inv)
{
	static const char large[1000] = "", type[] = "text/plain; charset=utf-8";

	int rc = sc_invocation_printf(inv, "%0300d", 1);
	if (rc < 0) {
		assert_int_equal(inv->outcome, SCI_UNANSWERED);
		return rc;
	}
	rc = sc_invocation_answer(inv, large, sizeof large, type);
	assert_int_equal(response_len(inv), rc == 0 ? 1000 : 300);
	assert_string_equal(inv->content_type, rc == 0 ? type : "application/json");
	if (rc < 0)
		return rc;
	rc = sc_invocation_json_string(inv, large, sizeof large);
	assert_int_equal(response_len(inv), rc == 0 ? 1000 + 2 + 6000 : 1000);
	if (rc < 0)
		return rc;
	assert_int_equal(sc_invocation_fail(inv, "A.B", "%02000d", 1), SC_E_FUNCTION);
	assert_int_equal(inv->outcome, SCI_FAILED);
	assert_string_equal(inv->failure_type, "A.B");
	assert_true((inv->failure.len == 0) == (sct_allocation_failed() != 0));
	return 0;
}

static void answer_scenario(void *arg)
{
	struct sc_invocation inv = begin();

	(void)arg;
	int rc = call_each(&inv);
	assert_true(rc == 0 || (rc == SC_E_NOMEM && sct_allocation_failed()));
	sci_invocation_fini(&inv);
}

static void lent_scenario(void *arg)
{
	struct sc_invocation inv = begin();

	(void)arg;
	int rc = sc_invocation_answer(&inv, event.body, 10, NULL);
	if (rc == 0) {
		rc = sc_invocation_printf(&inv, "%0300d", 1);
		assert_int_equal(response_len(&inv), rc == 0 ? 310 : 10);
	}
	assert_int_equal(rc, sct_allocation_failed() ? SC_E_NOMEM : 0);
	sci_invocation_fini(&inv);
}

static void keeps_its_answer_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(answer_scenario, NULL);
	sct_fail_each_allocation(lent_scenario, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(returns_the_event),
		cmocka_unit_test(counts_down_to_the_deadline),
		cmocka_unit_test(answers_with_bytes),
		cmocka_unit_test(refuses_what_cannot_be_sent),
		cmocka_unit_test(appends_text),
		cmocka_unit_test(answers_with_a_part_of_the_event),
		cmocka_unit_test(fails_with_type_and_message),
		cmocka_unit_test(the_last_answer_counts),
		cmocka_unit_test(keeps_its_answer_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
