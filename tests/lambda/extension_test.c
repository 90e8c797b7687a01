/* The registration as an internal extension: what is sent and when, the end by SIGTERM, and every
 * failure, after which the function runs all the same. */
#include "support/allocation.h"
#include "support/cmocka.h"
#include "support/network.h"

#include "lambda/recorded_run.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define REGISTERED(id)                                                                             \
	"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: " id "\r\nContent-Length: 2\r\n\r\n{}"
#define REFUSED(type)                                                                              \
	"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n{\"errorMessage\":\"no\","             \
	"\"errorType\":\"" type "\"}\n"

static const struct sct_reply two_events[] = { { .bytes = EVENT("1") }, { .bytes = EVENT("2") } };

static int run_named(const char *name)
{
	recorded.extension = name;
	return recorded_run(RECORDED_REPLIES(two_events), RECORDED_NO_REPLIES);
}

static const struct sct_scripted_request *request(size_t nth)
{
	assert_true(nth < recorded.server.request_count);
	return &recorded.server.requests[nth];
}

static void assert_line(size_t nth, const char *line)
{
	assert_memory_equal(request(nth)->head, line, strlen(line));
}

static void assert_registered(const char *name)
{
	char header[128];

	assert_line(0, "POST /2020-01-01/extension/register HTTP/1.1\r\n");
	snprintf(header, sizeof header, "\r\nLambda-Extension-Name: %s\r\n", name);
	assert_non_null(strstr(request(0)->head, header));
	assert_string_equal(request(0)->body, "{\"events\":[]}");
	assert_line(1, "GET /2020-01-01/extension/event/next HTTP/1.1\r\n");
	assert_non_null(strstr(request(1)->head,
		"\r\nLambda-Extension-Identifier: " SCT_EXTENSION_ID "\r\n"));
	assert_line(2, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n");
}

/* The server sends SIGTERM after the second event. */
static void registers_before_the_first_event_and_ends_in_order(void **state)
{
	char host[64];

	(void)state;
	assert_int_equal(run_named("my-extension"), 0);
	assert_string_equal(recorded.order, "ibhebhefs");
	assert_string_equal(recorded.log, "");
	assert_registered("my-extension");
	/* The connection of the unanswered request stays open; the runtime has another one. */
	assert_int_equal(recorded.server.left_count, 1);
	assert_true(request(1)->connection != request(2)->connection);
	snprintf(host, sizeof host, "\r\nHost: %s\r\n", recorded.server.address);
	for (size_t i = 0; i < 2; i++) {
		assert_non_null(strstr(request(i)->head, host));
		assert_non_null(strstr(request(i)->head, "\r\nUser-Agent: scopecache/"));
		assert_non_null(strstr(request(i)->head, "\r\n\r\n"));
	}
}

static void does_not_register_unless_it_is_told_to(void **state)
{
	(void)state;
	unsetenv("SCOPECACHE_EXTENSION");
	assert_int_equal(run_named(NULL), 0);
	assert_line(0, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n");
	recorded_clear(NULL);
	setenv("SCOPECACHE_EXTENSION", "", 1);
	assert_int_equal(run_named(NULL), 0);
	assert_line(0, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n");
	recorded_clear(NULL);
	setenv("SCOPECACHE_EXTENSION", "from-outside", 1);
	assert_int_equal(run_named(NULL), 0);
	assert_registered("from-outside");
	/* The function's own setting overrides the environment's. */
	recorded_clear(NULL);
	assert_int_equal(run_named("own"), 0);
	assert_registered("own");
	recorded_clear(NULL);
	assert_int_equal(run_named(""), 0);
	assert_line(0, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n");
	unsetenv("SCOPECACHE_EXTENSION");
}

static int fail_init(void **state, struct sc_error *error)
{
	(void)state;
	(void)error;
	return SC_E_OPEN;
}

static void registers_before_init(void **state)
{
	(void)state;
	recorded.init = fail_init;
	assert_int_equal(run_named("early"), SC_E_FUNCTION);
	assert_line(0, "POST /2020-01-01/extension/register HTTP/1.1\r\n");
	assert_line(1, "GET /2020-01-01/extension/event/next HTTP/1.1\r\n");
	assert_line(2, "POST /2018-06-01/runtime/init/error HTTP/1.1\r\n");
	assert_string_equal(recorded.order, "is");
}

/* ---- Refusals. ---- */

static const char consequence[] = "without SIGTERM, and then fini and the hooks' shutdown are not "
				  "called";

/* The function has served both events, and its log says once what was the matter. */
static void assert_runs_without(const char *cause)
{
	assert_string_equal(recorded.order, "ibhebhefs");
	assert_int_equal(recorded_post_count(), 3);
	if (recorded_logged(cause) != 1 || recorded_logged(consequence) != 1)
		fail_msg("the log has not \"%s\" once: %s", cause, recorded.log);
}

static void says_why_it_was_refused(void **state)
{
	static const struct {
		const char *reply, *cause;
	} cases[] = {
		{ REFUSED("Extension.RegistrationClosed"),
			"it was refused with 403 Extension.RegistrationClosed;" },
		{ REFUSED("Extension.TooManyExtensions"),
			"it was refused with 403 Extension.TooManyExtensions;" },
		/* Not a type: it may be anything, and is not logged. */
		{ REFUSED("%s"), "it was refused with 403;" },
		{ "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "it was refused with 500;" },
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
			"this platform does not serve the Extensions API (404);" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
			"the answer to it has no Lambda-Extension-Identifier;" },
		{ REGISTERED(""), "the answer to it has no Lambda-Extension-Identifier;" },
		{ REGISTERED("a\x01z"), "its Lambda-Extension-Identifier has control characters;" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n", "too large" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct sct_reply replies[] = { { .bytes = cases[i].reply,
			.then = SCT_THEN_CLOSE } };
		recorded_clear(NULL);
		recorded.server.registrations = RECORDED_REPLIES(replies);
		assert_int_equal(run_named("refused"), 0);
		assert_runs_without(cases[i].cause);
		assert_line(1, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n");
	}
}

static void says_that_its_wait_was_refused(void **state)
{
	static const struct sct_reply refused[] = {
		{ .bytes = REFUSED("Extension.UnknownExtensionIdentifier"),
			.then = SCT_THEN_LEAVE },
	};
	static const struct sct_reply closed[] = { { .then = SCT_THEN_CLOSE } };

	(void)state;
	recorded.server.waits = RECORDED_REPLIES(refused);
	assert_int_equal(run_named("refused"), 0);
	assert_runs_without("its wait for events was refused;");
	recorded_clear(NULL);
	recorded.server.waits = RECORDED_REPLIES(closed);
	assert_int_equal(run_named("closed"), 0);
	assert_runs_without("its wait for events was refused;");
}

static void refuses_a_name_that_cannot_be_sent(void **state)
{
	(void)state;
	assert_int_equal(run_named("two\r\nlines"), 0);
	assert_string_equal(recorded.order, "ibhebhefs");
	assert_int_equal(recorded_logged("its name has control characters;"), 1);
	assert_line(0, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n");
}

/* ---- Servers that do not answer. ---- */

static void gives_up_a_silent_server(void **state)
{
	static const struct sct_reply silence[] = { { .then = SCT_THEN_STALL } };
	struct timespec before, after;

	(void)state;
	recorded.server.registrations = RECORDED_REPLIES(silence);
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(run_named("patient"), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_runs_without("did not answer in time;");
	assert_true(after.tv_sec - before.tv_sec >= 1);
}

/* SIGTERM while it waits for the answer to its registration is no failure to log. */
static void ends_while_it_registers(void **state)
{
	static const struct sct_reply silence[] = { { .terminates = true,
		.then = SCT_THEN_STALL } };

	(void)state;
	recorded.server.registrations = RECORDED_REPLIES(silence);
	assert_int_equal(run_named("interrupted"), 0);
	assert_string_equal(recorded.order, "ifs");
	assert_string_equal(recorded.log, "");
}

static void *run_cancelled(void *address)
{
	assert_int_equal(pthread_cancel(pthread_self()), 0);
	recorded_run_at(address);
	return NULL;
}

/* The cancellation takes effect after the registration, which is closed. */
static void may_be_cancelled_while_it_registers(void **state)
{
	pthread_t thread;
	void *result;

	(void)state;
	recorded.extension = "cancelled";
	sct_scripted_server_start(&recorded.server);
	assert_int_equal(pthread_create(&thread, NULL, run_cancelled, recorded.server.address), 0);
	pthread_join(thread, &result);
	sct_scripted_server_stop(&recorded.server);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	assert_string_equal(recorded.order, "ifs");
	assert_line(0, "POST /2020-01-01/extension/register HTTP/1.1\r\n");
	/* The next run finds nothing of it. */
	recorded_clear(NULL);
	assert_int_equal(run_named("again"), 0);
	assert_registered("again");
}

/* ---- Faults. ---- */

static size_t runs_with_warning;

static void scenario(void *arg)
{
	static const struct sct_reply gets[] = { { .bytes = EVENT("1") }, { .bytes = EVENT("2") },
		{ .bytes = EVENT("3") } };
	enum sct_network_fault fault = *(const enum sct_network_fault *)arg;

	recorded_clear(NULL);
	recorded.extension = "faulty";
	int rc = recorded_run(RECORDED_REPLIES(gets), RECORDED_NO_REPLIES);
	if (rc == SC_E_NOMEM) {
		assert_true(sct_allocation_failed());
		return;
	}
	/* Whatever became of the registration, events are served, and the end is in order. */
	assert_int_equal(rc, 0);
	assert_memory_equal(recorded.order, "ib", 2);
	assert_string_equal(recorded.order + strlen(recorded.order) - 2, "fs");
	size_t warnings = recorded_logged("not registered as an extension");
	assert_in_range(warnings, 0, 1);
	runs_with_warning += warnings;
	if (fault == SCT_NETWORK_EINTR || fault == SCT_NETWORK_SHORT) {
		assert_int_equal(warnings, 0);
		assert_registered("faulty");
		assert_string_equal(recorded.order, "ibhebhebhefs");
	}
	if (!warnings && !sct_network_failed())
		assert_int_equal(recorded.server.left_count, 1);
}

static void survives_every_fault_at_every_call(void **state)
{
	(void)state;
	runs_with_warning = 0;
	sct_fail_each_network_call(scenario);
	assert_true(runs_with_warning >= 3);
}

static void survives_one_byte_at_a_time(void **state)
{
	(void)state;
	sct_move_single_bytes(scenario);
}

static void runs_without_memory_to_register(void **state)
{
	enum sct_network_fault fault = SCT_NETWORK_FAULTS;

	(void)state;
	runs_with_warning = 0;
	sct_fail_each_allocation(scenario, &fault);
	assert_true(runs_with_warning >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers_before_the_first_event_and_ends_in_order,
			recorded_clear),
		cmocka_unit_test_setup(does_not_register_unless_it_is_told_to, recorded_clear),
		cmocka_unit_test_setup(registers_before_init, recorded_clear),
		cmocka_unit_test_setup(says_why_it_was_refused, recorded_clear),
		cmocka_unit_test_setup(says_that_its_wait_was_refused, recorded_clear),
		cmocka_unit_test_setup(refuses_a_name_that_cannot_be_sent, recorded_clear),
		cmocka_unit_test_setup(gives_up_a_silent_server, recorded_clear),
		cmocka_unit_test_setup(ends_while_it_registers, recorded_clear),
		cmocka_unit_test_setup(may_be_cancelled_while_it_registers, recorded_clear),
		cmocka_unit_test_setup(survives_every_fault_at_every_call, recorded_clear),
		cmocka_unit_test_setup(survives_one_byte_at_a_time, recorded_clear),
		cmocka_unit_test_setup(runs_without_memory_to_register, recorded_clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
