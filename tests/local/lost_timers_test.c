/* The local Lambda without memory for its timers and events, one kind after the other: each call is
 * still answered, each environment still ends, and no line of the log is lost. */
#include "support/cmocka.h"
#include "support/failing_events.h"

#include "base/clock.h"
#include "local/call.h"
#include "local/fleet.h"
#include "local/isolation.h"
#include "local/line_pipe.h"
#include "local/local.h"
#include "local/output.h"

#include <event2/event.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 15000

/* Unique timeouts, by which the timers are told apart. */
#define TIMEOUT_MS      60007
#define INIT_TIMEOUT_MS 60011

/* The same as in the modules. */
#define STOP_GRACE_MS 300
#define EXIT_GRACE_MS 10
#define HOLD_BACK_MS  20
#define FLUSH_AT_ONCE 0

static struct event_base *base;

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Run the loop until *done, which must not take longer than PATIENCE_MS. */
static void run_until(const bool *done)
{
	const struct timeval every = { .tv_usec = 5000 };
	struct event *tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	int64_t end_us = sci_mono_us() + (int64_t)PATIENCE_MS * 1000;

	assert_int_equal(event_add(tick, &every), 0);
	while (!*done && sci_mono_us() < end_us)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(tick);
	assert_true(*done);
}

/* ---- A fleet of two functions, one of which ignores SIGTERM. ---- */

enum { ODD, SLOW, FUNCTIONS };

static struct sci_deployment functions[FUNCTIONS];
static struct sci_output *output;
static struct sci_isolation *isolation;
static struct sci_fleet *fleet;
static struct event *child;
static bool emptied;

static void on_child(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	(void)arg;
	sci_fleet_reap(fleet);
}

static void on_empty(void *arg)
{
	(void)arg;
	emptied = true;
}

static int open_fleet(void **state)
{
	static const char *const names[FUNCTIONS] = { "odd", "slow" };
	static const char *const files[FUNCTIONS] = { "odd.py", "slow_term.py" };
	char path[512];
	struct sc_error error;

	(void)state;
	base = event_base_new();
	for (int i = 0; i < FUNCTIONS; i++) {
		struct sci_deployment_options options = {
			.name = names[i],
			.bootstrap = path,
			.timeout_ms = TIMEOUT_MS,
			.init_timeout_ms = INIT_TIMEOUT_MS,
			.memory_mb = 128,
		};
		snprintf(path, sizeof path, "%s/%s", SCT_BOOTSTRAPS, files[i]);
		functions[i] = (struct sci_deployment){ 0 };
		assert_int_equal(sci_deployment_init(&functions[i], &options, &error), 0);
	}
	assert_int_equal(sci_isolation_open(false, &isolation, &error), 0);
	assert_int_equal(sci_output_open(base, -1, &output), 0);
	struct sci_fleet_options options = {
		.base = base,
		.output = output,
		.isolation = isolation,
		.functions = functions,
		.function_count = FUNCTIONS,
		.max_environments = 2,
		.empty = on_empty,
	};
	assert_int_equal(sci_fleet_open(&options, &fleet), 0);
	child = evsignal_new(base, SIGCHLD, on_child, NULL);
	assert_int_equal(event_add(child, NULL), 0);
	assert_int_equal(sci_process_prepare(&error), 0);
	emptied = false;
	return 0;
}

static int close_fleet(void **state)
{
	(void)state;
	sct_heal_events();
	sci_fleet_close(fleet);
	sci_process_sweep(sci_isolation_janitor(isolation));
	sci_isolation_close(isolation);
	sci_output_close(output);
	event_free(child);
	event_base_free(base);
	for (int i = 0; i < FUNCTIONS; i++)
		sci_deployment_fini(&functions[i]);
	return 0;
}

struct outcome {
	bool done, failed;
	char body[1024];
};

static void on_answered(struct sci_call *call, const struct sci_answer *answer, void *arg)
{
	struct outcome *outcome = arg;

	(void)call;
	outcome->done = true;
	outcome->failed = answer->failed;
	snprintf(outcome->body, sizeof outcome->body, "%.*s", (int)answer->body->buffer.len,
		answer->body->buffer.data);
}

static void submit(int function, const char *event, struct outcome *outcome)
{
	struct sci_call_texts texts = { 0 };
	struct sci_shared_bytes *bytes = sci_shared_bytes_new();

	*outcome = (struct outcome){ 0 };
	assert_non_null(bytes);
	assert_int_equal(sci_buffer_append(&bytes->buffer, event, strlen(event)), 0);
	struct sci_call *call = sci_call_new(&functions[function], &texts, bytes);
	sci_shared_bytes_release(bytes);
	assert_non_null(call);
	call->answered = on_answered;
	call->arg = outcome;
	assert_int_equal(sci_fleet_submit(fleet, call), SCI_SUBMITTED);
}

static const char at_once[] = "{\"do\":\"sleep\",\"seconds\":0}";

static void assert_answered(int function)
{
	static struct outcome outcome;

	submit(function, at_once, &outcome);
	run_until(&outcome.done);
	if (outcome.failed)
		fail_msg("%s", outcome.body);
}

static void assert_no_memory(const struct outcome *outcome)
{
	assert_true(outcome->failed);
	assert_non_null(strstr(outcome->body, "\"errorType\":\"Runtime.Unknown\""));
	assert_non_null(strstr(outcome->body, "out of memory"));
}

static void no_limit_of_init(void **state)
{
	static struct outcome outcome;

	(void)state;
	sct_fail_events(INIT_TIMEOUT_MS, 0);
	submit(ODD, at_once, &outcome);
	run_until(&outcome.done);
	assert_int_equal(sct_heal_events(), 1);
	assert_no_memory(&outcome);
	assert_null(sci_fleet_next(fleet, NULL));
	assert_answered(ODD);
}

static void no_limit_of_an_invocation(void **state)
{
	static struct outcome outcome;

	(void)state;
	for (int warm = 0; warm < 2; warm++) {
		sct_fail_events(TIMEOUT_MS, 0);
		submit(ODD, at_once, &outcome);
		run_until(&outcome.done);
		assert_int_equal(sct_heal_events(), 1);
		assert_no_memory(&outcome);
		assert_answered(ODD);
	}
}

static void no_limit_of_an_end(void **state)
{
	(void)state;
	assert_answered(SLOW);
	sct_fail_events(STOP_GRACE_MS, 0);
	sci_fleet_stop(fleet);
	run_until(&emptied);
	assert_int_equal(sct_heal_events(), 1);
}

static void no_timer_after_an_exit(void **state)
{
	static struct outcome outcome;

	(void)state;
	sct_fail_events(EXIT_GRACE_MS, 0);
	submit(ODD, "{\"do\":\"exit\"}", &outcome);
	run_until(&outcome.done);
	assert_int_equal(sct_heal_events(), 1);
	assert_non_null(strstr(outcome.body, "Runtime.ExitError"));
	assert_answered(ODD);
}

/* ---- The server as a whole. ---- */

static void no_timer_for_the_last_answers(void **state)
{
	static const struct sci_local_function function = { .name = "f",
		.bootstrap = SCT_BOOTSTRAPS "/odd.py" };
	struct sci_local_options options = { .functions = &function,
		.function_count = 1,
		.quiet = true };
	struct sci_local *local;
	struct sc_error error;

	(void)state;
	assert_int_equal(sci_local_open(&options, &local, &error), 0);
	sct_fail_events(FLUSH_AT_ONCE, 0);
	raise(SIGTERM);
	alarm(PATIENCE_MS / 1000);
	assert_int_equal(sci_local_run(local, &error), 0);
	alarm(0);
	sct_heal_events();
	sci_local_close(local);
}

/* ---- The log. ---- */

/* An output whose reader is slow, and a pipe that is read for it. */
static int log_ends[2], pipe_ends[2];
static struct sci_line_pipe reader;
static bool seen;

static void on_line(void *arg, const char *line, size_t len)
{
	(void)arg;
	(void)line;
	(void)len;
	seen = true;
}

static int open_log(void **state)
{
	(void)state;
	base = event_base_new();
	assert_int_equal(pipe(log_ends), 0);
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(log_ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(sci_output_open(base, log_ends[1], &output), 0);
	reader = (struct sci_line_pipe){ .line = on_line };
	assert_int_equal(sci_line_pipe_init(&reader, base, pipe_ends[0], output), 0);
	seen = false;
	return 0;
}

static int close_log(void **state)
{
	(void)state;
	sct_heal_events();
	close(log_ends[0]);
	sci_line_pipe_fini(&reader);
	sci_output_close(output);
	close(log_ends[1]);
	close(pipe_ends[1]);
	event_base_free(base);
	return 0;
}

/* Read all that was written to the log. Returns how much. */
static size_t read_log(void)
{
	static char bytes[64 * 1024];
	size_t total = 0;
	ssize_t got;

	while ((got = read(log_ends[0], bytes, sizeof bytes)) > 0)
		total += (size_t)got;
	return total;
}

static void fill_output(void)
{
	static char line[1024];

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	while (!sci_output_full(output))
		sci_output_write(output, line, sizeof line);
}

static void turn_loop(int times)
{
	for (int i = 0; i < times; i++)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void no_timer_to_hold_back(void **state)
{
	(void)state;
	for (int held = 0; held < 2; held++) {
		/* The output has to stay full while the pipe is checked. */
		fill_output();
		turn_loop(1);
		fill_output();
		seen = false;
		sct_fail_events(HOLD_BACK_MS, (unsigned)held);
		assert_int_equal(write(pipe_ends[1], "one\n", 4), 4);
		for (int64_t end_us = sci_mono_us() + HOLD_BACK_MS * 2000; sci_mono_us() < end_us;)
			turn_loop(1);
		assert_false(seen);
		for (int i = 0; i < 1000 && !seen; i++) {
			read_log();
			turn_loop(1);
		}
		assert_true(seen);
		assert_true(sct_heal_events() > 0);
		for (int i = 0; i < 100; i++) {
			read_log();
			turn_loop(1);
		}
	}
}

/* Without the event, the queue is written with the next line. */
static void no_event_for_a_full_output(void **state)
{
	size_t written = 0;

	(void)state;
	sct_fail_events(SCT_NO_TIMEOUT, 0);
	fill_output();
	turn_loop(2);
	assert_true(sct_heal_events() > 0);
	sci_output_write(output, "next\n", 5);
	for (int i = 0; i < 1000; i++) {
		turn_loop(1);
		written += read_log();
	}
	assert_true(written > 256 * 1024);
	assert_int_equal(written % 1024, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_limit_of_init, open_fleet, close_fleet),
		cmocka_unit_test_setup_teardown(no_limit_of_an_invocation, open_fleet, close_fleet),
		cmocka_unit_test_setup_teardown(no_limit_of_an_end, open_fleet, close_fleet),
		cmocka_unit_test_setup_teardown(no_timer_after_an_exit, open_fleet, close_fleet),
		cmocka_unit_test(no_timer_for_the_last_answers),
		cmocka_unit_test_setup_teardown(no_timer_to_hold_back, open_log, close_log),
		cmocka_unit_test_setup_teardown(no_event_for_a_full_output, open_log, close_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
