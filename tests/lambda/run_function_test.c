/* The life of a function with a correct server: the order of calls and posts, its end, and failures
 * of every network call and allocation. */
#include "support/allocation.h"
#include "support/cmocka.h"
#include "support/network.h"

#include "lambda/recorded_run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct sct_reply one_event[] = { { .bytes = EVENT("1") } };
static const struct sct_reply two_events[] = { { .bytes = EVENT("1") }, { .bytes = EVENT("2") } };

static void lives_and_ends_in_order(void **state)
{
	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(two_events), RECORDED_NO_REPLIES), 0);
	assert_string_equal(recorded.order, "ibhebhefs");
	assert_in_range(recorded.remaining_ms, 1, 100LL * 366 * 86400 * 1000);
	assert_string_equal(recorded.log, "");
	/* All requests are on one connection. */
	static const char *const lines[] = { "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n",
		"POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\n" };
	assert_int_equal(recorded.server.connection_count, 1);
	assert_int_equal(recorded.server.request_count, 5);
	assert_memory_equal(recorded.server.requests[0].head, lines[0], strlen(lines[0]));
	assert_memory_equal(recorded.server.requests[1].head, lines[1], strlen(lines[1]));
	assert_memory_equal(recorded.server.requests[2].head, lines[0], strlen(lines[0]));
}

static void sends_the_headers_that_count(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT_HEAD("1") "Lambda-Runtime-Invocation-Id: inv-77\r\n" EVENT_BODY },
		{ .bytes = EVENT_HEAD("2") "Lambda-Runtime-Invocation-Id:\r\n" EVENT_BODY },
	};
	char host[64];

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	snprintf(host, sizeof host, "\r\nHost: %s\r\n", recorded.server.address);
	for (size_t i = 0; i < recorded.server.request_count; i++) {
		assert_non_null(strstr(recorded.server.requests[i].head, host));
		assert_non_null(
			strstr(recorded.server.requests[i].head, "\r\nUser-Agent: scopecache/"));
	}
	assert_non_null(
		strstr(recorded_post(0)->head, "\r\nLambda-Runtime-Invocation-Id: inv-77\r\n"));
	assert_non_null(strstr(recorded_post(0)->head, "\r\nContent-Type: application/json\r\n"));
	assert_null(strstr(recorded_post(0)->head, "Error-Type"));
	assert_null(strstr(recorded_post(1)->head, "Invocation-Id"));
}

static int look_at_trace(struct sc_invocation *inv, void *state)
{
	const char *trace = getenv("_X_AMZN_TRACE_ID"), *same = sc_invocation_trace_id(inv);

	(void)state;
	assert_true(trace ? strcmp(trace, same) == 0 : !same);
	return sc_invocation_printf(inv, "%s", trace ? trace : "none");
}

static void puts_the_trace_into_the_environment(void **state)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT_HEAD(
			  "1") "Lambda-Runtime-Trace-Id: Root=1-5;Sampled=1\r\n" EVENT_BODY },
		{ .bytes = EVENT_HEAD("2") EVENT_BODY },
		{ .bytes = EVENT_HEAD("3") "Lambda-Runtime-Trace-Id: Root=2\r\n" EVENT_BODY },
	};

	(void)state;
	recorded.handle = look_at_trace;
	assert_int_equal(recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES), 0);
	assert_string_equal(recorded_post(0)->body, "Root=1-5;Sampled=1");
	assert_string_equal(recorded_post(1)->body, "none");
	assert_string_equal(recorded_post(2)->body, "Root=2");
	assert_null(getenv("_X_AMZN_TRACE_ID"));
}

static int wanted_result;

static int return_wanted_result(struct sc_invocation *inv, void *state)
{
	(void)state;
	sc_invocation_printf(inv, "half an answer");
	if (wanted_result == SC_E_FUNCTION)
		return sc_invocation_fail(inv, "Function.NoSuchReport", "no report %d", 7);
	return wanted_result;
}

static void posts_what_the_handler_returned(void **state)
{
	static const struct {
		int result;
		const char *path, *body, *type;
	} cases[] = {
		{ 0, "invocation/1/response", "half an answer", NULL },
		{ SC_STALE, "invocation/1/response", "half an answer", NULL },
		{ SC_E_FUNCTION, "invocation/1/error",
			"{\"errorMessage\":\"no report "
			"7\",\"errorType\":\"Function.NoSuchReport\",\"stackTrace\":[]}",
			"\r\nLambda-Runtime-Function-Error-Type: Function.NoSuchReport\r\n" },
		{ SC_E_DEADLINE, "invocation/1/error",
			"{\"errorMessage\":\"the deadline has "
			"passed\",\"errorType\":\"Function.Error\",\"stackTrace\":[]}",
			"\r\nLambda-Runtime-Function-Error-Type: Function.Error\r\n" },
		{ -4711, "invocation/1/error",
			"{\"errorMessage\":\"unknown "
			"result\",\"errorType\":\"Function.Error\",\"stackTrace\":[]}",
			"\r\nLambda-Runtime-Function-Error-Type: Function.Error\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		recorded_clear(NULL);
		recorded.handle = return_wanted_result;
		wanted_result = cases[i].result;
		/* A failed invocation does not end the function. */
		assert_int_equal(recorded_run(RECORDED_REPLIES(two_events), RECORDED_NO_REPLIES),
			0);
		assert_int_equal(recorded_post_count(), 2);
		recorded_assert_post(0, cases[i].path, cases[i].body);
		if (cases[i].type)
			assert_non_null(strstr(recorded_post(0)->head, cases[i].type));
		assert_string_equal(recorded.order, "ibhebhefs");
	}
}

static int answer_nothing(struct sc_invocation *inv, void *state)
{
	(void)inv;
	(void)state;
	return 0;
}

static void an_unanswered_event_gets_an_empty_response(void **state)
{
	(void)state;
	recorded.handle = answer_nothing;
	assert_int_equal(recorded_run(RECORDED_REPLIES(one_event), RECORDED_NO_REPLIES), 0);
	recorded_assert_post(0, "invocation/1/response", "");
	assert_non_null(strstr(recorded_post(0)->head, "\r\nContent-Length: 0\r\n"));
}

static const char *init_message;

static int fail_init(void **state, struct sc_error *error)
{
	*state = NULL;
	if (init_message)
		snprintf(error->message, sizeof error->message, "%s", init_message);
	return SC_E_OPEN;
}

static void posts_an_init_error(void **state)
{
	(void)state;
	recorded.init = fail_init;
	init_message = "no \"table\"";
	assert_int_equal(recorded_run(RECORDED_NO_REPLIES, RECORDED_NO_REPLIES), SC_E_FUNCTION);
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "init/error",
		"{\"errorMessage\":\"no "
		"\\\"table\\\"\",\"errorType\":\"Function.InitError\",\"stackTrace\":[]}");
	assert_non_null(strstr(recorded_post(0)->head,
		"\r\nLambda-Runtime-Function-Error-Type: Function.InitError\r\n"));
	assert_int_equal(recorded.error.code, SC_E_FUNCTION);
	assert_int_equal(recorded.error.user_code, SC_E_OPEN);
	assert_string_equal(recorded.error.message, "no \"table\"");
	/* A failed init is not followed by fini, but the hooks' shutdown is called. */
	assert_string_equal(recorded.order, "is");
	assert_int_equal(recorded.server.request_count, 1);

	static const struct sct_reply refused[] = { { .bytes = STATUS("403 Forbidden") } };
	recorded_clear(NULL);
	recorded.init = fail_init;
	init_message = NULL;
	assert_int_equal(recorded_run(RECORDED_NO_REPLIES, RECORDED_REPLIES(refused)),
		SC_E_FUNCTION);
	recorded_assert_post(0, "init/error",
		"{\"errorMessage\":\"the resource could not be opened\","
		"\"errorType\":\"Function.InitError\",\"stackTrace\":[]}");
	assert_int_equal(recorded_logged("answered 403"), 1);
}

/* ---- The end of a run. ---- */

static int terminate_self(struct sc_invocation *inv, void *state)
{
	kill(getpid(), SIGTERM);
	return recorded_handle(inv, state);
}

static void finishes_the_current_invocation(void **state)
{
	(void)state;
	recorded.handle = terminate_self;
	assert_int_equal(recorded_run(RECORDED_REPLIES(two_events), RECORDED_NO_REPLIES), 0);
	assert_int_equal(recorded_post_count(), 1);
	recorded_assert_post(0, "invocation/1/response", "{\"n\":1,\"len\":2}");
	assert_string_equal(recorded.order, "ibhefs");
	assert_int_equal(recorded.server.request_count, 2);
}

static int terminate_in_init(void **state, struct sc_error *error)
{
	kill(getpid(), SIGTERM);
	return recorded_init(state, error);
}

static void ends_before_the_first_event(void **state)
{
	(void)state;
	recorded.init = terminate_in_init;
	assert_int_equal(recorded_run(RECORDED_REPLIES(two_events), RECORDED_NO_REPLIES), 0);
	assert_string_equal(recorded.order, "ifs");
	assert_int_equal(recorded.server.request_count, 0);
}

/* Another thread gets the signal while this one waits for an event, posts, or pauses. */
static void ends_whichever_thread_gets_the_signal(void **state)
{
	static const struct sct_reply waiting[] = {
		{ .bytes = EVENT("1") },
		{ .terminates = true, .then = SCT_THEN_STALL },
	};
	static const struct sct_reply posting[] = { { .bytes = STATUS("202 Accepted"),
		.terminates = true } };
	static const struct sct_reply failing[] = { { .bytes = STATUS("500 Oh"),
		.terminates = true } };

	(void)state;
	assert_int_equal(recorded_run(RECORDED_REPLIES(waiting), RECORDED_NO_REPLIES), 0);
	assert_string_equal(recorded.order, "ibhefs");

	recorded_clear(NULL);
	assert_int_equal(recorded_run(RECORDED_REPLIES(two_events), RECORDED_REPLIES(posting)), 0);
	assert_string_equal(recorded.order, "ibhefs");
	assert_int_equal(recorded_post_count(), 1);
	assert_string_equal(recorded.log, "");

	recorded_clear(NULL);
	assert_int_equal(recorded_run(RECORDED_REPLIES(failing), RECORDED_NO_REPLIES), 0);
	assert_string_equal(recorded.order, "ifs");
}

static void restores_the_action_of_sigterm(void **state)
{
	struct sigaction mine = { .sa_handler = SIG_IGN }, now;

	(void)state;
	assert_int_equal(sigaction(SIGTERM, &mine, NULL), 0);
	assert_int_equal(recorded_run(RECORDED_REPLIES(one_event), RECORDED_NO_REPLIES), 0);
	assert_int_equal(sigaction(SIGTERM, NULL, &now), 0);
	assert_ptr_equal(now.sa_handler, SIG_IGN);
	mine.sa_handler = SIG_DFL;
	assert_int_equal(sigaction(SIGTERM, &mine, NULL), 0);
}

/* ---- Refused functions and environments. ---- */

static int run_inside(struct sc_invocation *inv, void *state)
{
	struct sc_error error;

	assert_int_equal(sc_lambda_run(&SC_LAMBDA_FUNCTION(.handle = recorded_handle,
					       .runtime_api = "127.0.0.1:1"),
				 &error),
		SC_E_INVAL);
	assert_non_null(strstr(error.message, "already"));
	return recorded_handle(inv, state);
}

static void runs_once_at_a_time(void **state)
{
	(void)state;
	recorded.handle = run_inside;
	assert_int_equal(recorded_run(RECORDED_REPLIES(one_event), RECORDED_NO_REPLIES), 0);
	assert_int_equal(recorded_post_count(), 1);
}

static void refuses_an_invalid_function(void **state)
{
	struct sc_lambda_function function = { .size = sizeof function, .handle = recorded_handle };
	struct {
		struct sc_lambda_function function;
		void *unknown;
	} later = {
		.function = { .size = sizeof later, .handle = recorded_handle, .runtime_api = "?" }
	};
	struct sc_hooks hooks = { .size = 1 };
	struct sc_error error;

	(void)state;
	assert_int_equal(sc_lambda_run(NULL, &error), SC_E_INVAL);
	function.size = 0;
	assert_int_equal(sc_lambda_run(&function, &error), SC_E_INVAL);
	function.size = sizeof function;
	function.handle = NULL;
	assert_int_equal(sc_lambda_run(&function, NULL), SC_E_INVAL);
	function.handle = recorded_handle;
	function.hooks = (const struct sc_hooks *const[]){ &hooks, NULL };
	assert_int_equal(sc_lambda_run(&function, &error), SC_E_INVAL);
	assert_non_null(strstr(error.message, "size"));
	/* A struct of a later version is accepted, unless it sets a field that this version does
	 * not know. */
	assert_int_equal(sc_lambda_run(&later.function, &error), SC_E_INVAL);
	assert_non_null(strstr(error.message, "HOST:PORT"));
	later.unknown = &later;
	assert_int_equal(sc_lambda_run(&later.function, &error), SC_E_INVAL);
	assert_non_null(strstr(error.message, "size"));
}

static void explains_a_missing_address(void **state)
{
	struct sc_error error;

	(void)state;
	unsetenv("AWS_LAMBDA_RUNTIME_API");
	assert_int_equal(recorded_run_at(NULL), SC_E_INVAL);
	assert_non_null(strstr(recorded.error.message, "AWS_LAMBDA_RUNTIME_API is not set"));
	assert_non_null(strstr(recorded.error.message, "scopecache local"));
	setenv("AWS_LAMBDA_RUNTIME_API", "", 1);
	assert_int_equal(sc_lambda_run(&SC_LAMBDA_FUNCTION(.handle = recorded_handle), &error),
		SC_E_INVAL);
	setenv("AWS_LAMBDA_RUNTIME_API", "runtime.example.org", 1);
	assert_int_equal(recorded_run_at(NULL), SC_E_INVAL);
	assert_non_null(
		strstr(recorded.error.message, "AWS_LAMBDA_RUNTIME_API: \"runtime.example.org\""));
	/* No function of the test was called. */
	assert_string_equal(recorded.order, "");
	unsetenv("AWS_LAMBDA_RUNTIME_API");
}

static void finds_the_runtime_api_in_the_environment(void **state)
{
	(void)state;
	recorded.server.gets = RECORDED_REPLIES(one_event);
	recorded.server.terminate = getpid();
	sct_scripted_server_start(&recorded.server);
	setenv("AWS_LAMBDA_RUNTIME_API", recorded.server.address, 1);
	int rc = sc_lambda_run(
		&SC_LAMBDA_FUNCTION(.init = recorded_init, .handle = recorded_handle), NULL);
	sct_scripted_server_stop(&recorded.server);
	unsetenv("AWS_LAMBDA_RUNTIME_API");
	assert_int_equal(rc, 0);
	recorded_assert_post(0, "invocation/1/response", "{\"n\":1,\"len\":2}");
}

static void logs_whole_lines(void **state)
{
	char long_line[3000], got[4096];
	int ends[2], before = dup(STDERR_FILENO);

	(void)state;
	memset(long_line, 'l', sizeof long_line - 1);
	long_line[sizeof long_line - 1] = '\0';
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	sc_lambda_log_stderr(SC_LOG_DEBUG, "a");
	sc_lambda_log_stderr(SC_LOG_INFO, "b");
	sc_lambda_log_stderr(SC_LOG_WARN, "c");
	sc_lambda_log_stderr(SC_LOG_ERROR, long_line);
	dup2(before, STDERR_FILENO);
	close(ends[1]);
	ssize_t len = read(ends[0], got, sizeof got - 1);
	close(ends[0]);
	close(before);
	assert_true(len > 1000);
	got[len] = '\0';
	assert_memory_equal(got, "[DEBUG] a\n[INFO] b\n[WARN] c\n[ERROR] lll", 39);
	assert_string_equal(got + len - 2, "l\n");
}

/* ---- Faults. ---- */

static void scenario(void *arg)
{
	static const struct sct_reply gets[] = {
		{ .bytes = EVENT_HEAD(
			  "1") "Lambda-Runtime-Trace-Id: Root=1\r\n" EVENT_DEADLINE EVENT_BODY },
		{ .bytes = EVENT_HEAD(
			  "2") "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" },
		{ .bytes = EVENT("3") },
		{ .bytes = EVENT("4") },
	};
	enum sct_network_fault fault = *(const enum sct_network_fault *)arg;

	recorded_clear(NULL);
	int rc = recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES);
	if (rc == SC_E_NOMEM) {
		assert_true(sct_allocation_failed());
		return;
	}
	assert_int_equal(rc, 0);
	size_t posts = recorded_post_count();
	size_t last = strlen(recorded.order);
	assert_string_equal(recorded.order + last - 2, "fs");
	/* A signal or a short read loses nothing; a broken connection loses at most one event. */
	bool whole = fault == SCT_NETWORK_EINTR || fault == SCT_NETWORK_SHORT;
	assert_in_range(posts, whole ? 4 : 3, whole ? 4 : 5);
	assert_memory_equal(recorded_post(posts - 1)->body, "{\"n\":", 5);
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

static bool has_failed_without_memory;

/* The caller of an event gets an error when there is no memory for its body. */
static void large_event_scenario(void *arg)
{
	const struct sct_reply gets[] = { { .bytes = arg }, { .bytes = EVENT("2") } };

	recorded_clear(NULL);
	int rc = recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES);
	assert_true(rc == 0 || (rc == SC_E_NOMEM && sct_allocation_failed()));
	if (recorded_post_count() == 0 || !strstr(recorded_post(0)->body, "UnusableEvent"))
		return;
	assert_true(sct_allocation_failed());
	assert_non_null(strstr(recorded_post(0)->body, "out of memory"));
	assert_int_equal(recorded_post_count(), 2);
	assert_string_equal(recorded.order, "ibhefs");
	has_failed_without_memory = true;
}

static void answers_events_for_which_there_is_no_memory(void **state)
{
	static char event[50000];

	(void)state;
	memset(event, 'x', sizeof event - 1);
	int len = snprintf(event, sizeof event, EVENT_HEAD("1") "Content-Length: 40000\r\n\r\n");
	event[len] = 'x';
	event[len + 40000] = '\0';
	has_failed_without_memory = false;
	sct_fail_each_allocation(large_event_scenario, event);
	assert_true(has_failed_without_memory);
}

static bool has_failed_without_message;

static void failing_handler_scenario(void *arg)
{
	(void)arg;
	recorded_clear(NULL);
	recorded.handle = return_wanted_result;
	wanted_result = SC_E_FUNCTION;
	int rc = recorded_run(RECORDED_REPLIES(one_event), RECORDED_NO_REPLIES);
	assert_true(rc == 0 || (rc == SC_E_NOMEM && sct_allocation_failed()));
	if (recorded_post_count() == 0) {
		assert_true(sct_allocation_failed());
		return;
	}
	bool whole = strstr(recorded_post(0)->body, "no report 7") != NULL;
	assert_true(whole || strstr(recorded_post(0)->body, "\"errorMessage\":\"out of memory\""));
	assert_true(whole || sct_allocation_failed());
	has_failed_without_message |= !whole;
}

/* A failure reaches its caller even without memory for its message. */
static void fails_without_memory(void **state)
{
	(void)state;
	has_failed_without_message = false;
	sct_fail_each_allocation(failing_handler_scenario, NULL);
	assert_true(has_failed_without_message);
}

static void failing_scenario(void *arg)
{
	(void)arg;
	recorded_clear(NULL);
	recorded.init = fail_init;
	init_message = "no";
	int rc = recorded_run(RECORDED_NO_REPLIES, RECORDED_NO_REPLIES);
	assert_true(rc == SC_E_FUNCTION || (rc == SC_E_NOMEM && sct_allocation_failed()));
	if (rc == SC_E_FUNCTION)
		assert_true(
			recorded_post_count() == 1 || recorded_logged("could not be posted") == 1);
}

static void reports_a_failed_init_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(failing_scenario, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lives_and_ends_in_order, recorded_clear),
		cmocka_unit_test_setup(sends_the_headers_that_count, recorded_clear),
		cmocka_unit_test_setup(puts_the_trace_into_the_environment, recorded_clear),
		cmocka_unit_test_setup(posts_what_the_handler_returned, recorded_clear),
		cmocka_unit_test_setup(an_unanswered_event_gets_an_empty_response, recorded_clear),
		cmocka_unit_test_setup(posts_an_init_error, recorded_clear),
		cmocka_unit_test_setup(finishes_the_current_invocation, recorded_clear),
		cmocka_unit_test_setup(ends_before_the_first_event, recorded_clear),
		cmocka_unit_test_setup(ends_whichever_thread_gets_the_signal, recorded_clear),
		cmocka_unit_test_setup(restores_the_action_of_sigterm, recorded_clear),
		cmocka_unit_test_setup(runs_once_at_a_time, recorded_clear),
		cmocka_unit_test_setup(refuses_an_invalid_function, recorded_clear),
		cmocka_unit_test_setup(explains_a_missing_address, recorded_clear),
		cmocka_unit_test_setup(finds_the_runtime_api_in_the_environment, recorded_clear),
		cmocka_unit_test_setup(logs_whole_lines, recorded_clear),
		cmocka_unit_test_setup(survives_every_fault_at_every_call, recorded_clear),
		cmocka_unit_test_setup(survives_one_byte_at_a_time, recorded_clear),
		cmocka_unit_test_setup(stays_whole_without_memory, recorded_clear),
		cmocka_unit_test_setup(answers_events_for_which_there_is_no_memory, recorded_clear),
		cmocka_unit_test_setup(fails_without_memory, recorded_clear),
		cmocka_unit_test_setup(reports_a_failed_init_without_memory, recorded_clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
