/* The parts that need no server: environment variables, deployments, ids, calls, lines of a pipe;
 * and the same without memory. Allocations inside libevent do not fail here. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "base/clock.h"
#include "local/call.h"
#include "local/deployment.h"
#include "local/descriptors.h"
#include "local/event_loop.h"
#include "local/line_pipe.h"
#include "local/output.h"
#include "local/process_environ.h"
#include "local/request_id.h"
#include "local/timer.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Environment variables. ---- */

static void variables_are_replaced(void **state)
{
	struct sci_environ list = { 0 }, copy = { 0 };

	(void)state;
	assert_int_equal(sci_environ_put(&list, "A=1"), 0);
	assert_int_equal(sci_environ_put(&list, "AB=2"), 0);
	assert_int_equal(sci_environ_set(&list, "A", "3=3"), 0);
	assert_int_equal(sci_environ_default(&list, "A", "no"), 0);
	assert_int_equal(sci_environ_default(&list, "C", "4"), 0);
	assert_int_equal(sci_environ_set(&list, "D", ""), 0);
	assert_int_equal(sci_environ_default(&list, "D", "5"), 0);
	assert_int_equal(list.count, 4);
	assert_string_equal(sci_environ_get(&list, "A"), "3=3");
	assert_string_equal(sci_environ_get(&list, "AB"), "2");
	assert_string_equal(sci_environ_get(&list, "C"), "4");
	assert_string_equal(sci_environ_get(&list, "D"), "5");
	assert_null(sci_environ_get(&list, "B"));
	assert_null(list.entries[4]);
	assert_int_equal(sci_environ_copy(&copy, &list), 0);
	assert_int_equal(sci_environ_set(&copy, "E", "6"), 0);
	assert_string_equal(sci_environ_get(&copy, "AB"), "2");
	assert_null(copy.entries[5]);
	assert_null(sci_environ_get(&list, "E"));
	sci_environ_fini(&copy);
	sci_environ_fini(&list);
}

static void variables_of_a_function(void **state)
{
	const char *const extra[] = { "AWS_REGION=eu-north-1", "_HANDLER=mine", "TZ=Europe/Rome",
		"AWS_LAMBDA_FUNCTION_NAME=not this" };
	struct sci_environ_facts facts = { "f", "/folder", 512, extra,
		sizeof extra / sizeof *extra };
	struct sci_environ list = { 0 };

	(void)state;
	setenv("_X_AMZN_TRACE_ID", "old", 1);
	assert_int_equal(sci_environ_fill(&list, &facts), 0);
	assert_string_equal(sci_environ_get(&list, "AWS_REGION"), "eu-north-1");
	assert_string_equal(sci_environ_get(&list, "AWS_DEFAULT_REGION"), "eu-north-1");
	assert_string_equal(sci_environ_get(&list, "_HANDLER"), "mine");
	assert_string_equal(sci_environ_get(&list, "TZ"), "Europe/Rome");
	assert_string_equal(sci_environ_get(&list, "AWS_LAMBDA_FUNCTION_NAME"), "f");
	assert_string_equal(sci_environ_get(&list, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), "512");
	assert_string_equal(sci_environ_get(&list, "LAMBDA_TASK_ROOT"), "/folder");
	assert_null(sci_environ_get(&list, "_X_AMZN_TRACE_ID"));
	sci_environ_fini(&list);
}

static void fill_scenario(void *arg)
{
	struct sci_environ_facts facts = { .function_name = "f",
		.directory = "/",
		.memory_mb = 128 };
	struct sci_environ list = { 0 }, copy = { 0 };

	(void)arg;
	int rc = sci_environ_fill(&list, &facts);
	if (rc == 0)
		rc = sci_environ_copy(&copy, &list);
	assert_int_equal(rc, sct_allocation_failed() ? SC_E_NOMEM : 0);
	sci_environ_fini(&copy);
	sci_environ_fini(&list);
}

static void variables_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(fill_scenario, NULL);
}

/* ---- Deployments. ---- */

static char folder[] = "/tmp/scopecache-parts-XXXXXX";

static void make_file(const char *name, mode_t mode)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	close(fd);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	make_file("bootstrap", 0755);
	make_file("plain", 0644);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "bootstrap", "plain" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static int deploy(const char *name, const char *bootstrap, struct sci_deployment *deployment,
	struct sc_error *error)
{
	struct sci_deployment_options options = {
		.name = name,
		.bootstrap = bootstrap,
		.timeout_ms = 3000,
		.init_timeout_ms = 10000,
		.memory_mb = 128,
	};

	*deployment = (struct sci_deployment){ 0 };
	return sci_deployment_init(deployment, &options, error);
}

static void valid_deployments(void **state)
{
	struct sci_deployment deployment;
	char expected[128];

	(void)state;
	snprintf(expected, sizeof expected, "%s/bootstrap", folder);
	assert_int_equal(deploy("f", folder, &deployment, NULL), 0);
	assert_string_equal(deployment.bootstrap, expected);
	assert_string_equal(deployment.directory, folder);
	sci_deployment_fini(&deployment);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(deploy("f", "bootstrap", &deployment, NULL), 0);
	assert_string_equal(deployment.bootstrap, expected);
	assert_string_equal(deployment.directory, folder);
	sci_deployment_fini(&deployment);
	assert_int_equal(deploy("f", ".", &deployment, NULL), 0);
	assert_string_equal(deployment.bootstrap, expected);
	sci_deployment_fini(&deployment);
	assert_int_equal(chdir("/"), 0);
}

static void assert_refused(const char *name, const char *bootstrap, const char *word)
{
	struct sci_deployment deployment;
	struct sc_error error;

	assert_int_equal(deploy(name, bootstrap, &deployment, &error), SC_E_INVAL);
	if (!strstr(error.message, word))
		fail_msg("%s", error.message);
	sci_deployment_fini(&deployment);
}

static void invalid_deployments(void **state)
{
	char path[128];

	(void)state;
	assert_refused("f", "/nonexistent/file", "does not exist; build it");
	assert_refused("f", "/usr", "no file named bootstrap in the folder");
	assert_refused("f", "/dev/null", "not a file");
	snprintf(path, sizeof path, "%s/plain", folder);
	assert_refused("f", path, "not executable; chmod +x");
	snprintf(path, sizeof path, "%s/plain/below", folder);
	assert_refused("f", path, "cannot be used");
	assert_refused("a b", folder, "letters, digits, dashes");
	assert_refused("", folder, "letters, digits, dashes");
}

static void deploy_scenario(void *arg)
{
	struct sci_deployment deployment;
	struct sc_error error;

	(void)arg;
	int rc = deploy("f", folder, &deployment, &error);
	if (!sct_allocation_failed())
		assert_int_equal(rc, 0);
	else
		assert_true(rc == SC_E_NOMEM || rc == SC_E_INVAL);
	sci_deployment_fini(&deployment);
}

static void deployments_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(deploy_scenario, NULL);
}

/* ---- Ids and calls. ---- */

static void ids_differ(void **state)
{
	char ids[100][SCI_REQUEST_ID_BYTES], trace[SCI_TRACE_ID_BYTES], hex[SCI_HEX_ID_BYTES];

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		sci_request_id(ids[i]);
		assert_int_equal(strlen(ids[i]), 36);
		assert_int_equal(ids[i][14], '4');
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
	sci_trace_id(trace);
	assert_int_equal(strncmp(trace, "Root=1-", 7), 0);
	assert_int_equal(strlen(trace), 35 + 5 + 8 + 16 + 10);
	sci_hex_id(hex);
	assert_int_equal(strspn(hex, "0123456789abcdef"), 32);
}

struct outcome {
	int times;
	bool failed;
	char body[256], content_type[64];
};

static void on_answered(struct sci_call *call, const struct sci_answer *answer, void *arg)
{
	struct outcome *outcome = arg;

	(void)call;
	outcome->times++;
	outcome->failed = answer->failed;
	snprintf(outcome->content_type, sizeof outcome->content_type, "%s", answer->content_type);
	if (answer->body)
		snprintf(outcome->body, sizeof outcome->body, "%.*s", (int)answer->body->buffer.len,
			answer->body->buffer.data);
}

static struct sci_deployment some_function = { .name = "f", .arn = (char[]){ "arn:f" } };

static struct sci_call *make_call(struct outcome *outcome)
{
	struct sci_call_texts texts = { .qualifier = "q", .tenant_id = "t" };
	struct sci_shared_bytes *event = sci_shared_bytes_new();
	struct sci_call *call = event ? sci_call_new(&some_function, &texts, event) : NULL;

	sci_shared_bytes_release(event);
	if (call) {
		call->answered = on_answered;
		call->arg = outcome;
	}
	return call;
}

static void a_call_is_answered_once(void **state)
{
	struct outcome outcome = { 0 };
	struct sci_call *call = make_call(&outcome);
	struct sci_shared_bytes *body = sci_shared_bytes_new();

	(void)state;
	assert_non_null(call);
	assert_string_equal(call->arn, "arn:f:q");
	sci_buffer_append(&body->buffer, "one", 3);
	sci_call_answer(call, body, "text/plain", false);
	assert_int_equal(outcome.times, 1);
	sci_call_fail(call, "error", "Runtime.Late", "too late");
	sci_call_answer(call, NULL, NULL, true);
	assert_int_equal(outcome.times, 1);
	assert_string_equal(outcome.body, "one");
	assert_string_equal(outcome.content_type, "text/plain");
	assert_false(outcome.failed);
	sci_call_finish(call);
	assert_int_equal(outcome.times, 1);
	assert_int_equal(body->owners, 1);
	sci_shared_bytes_release(body);
}

static void a_call_that_wants_the_log_waits_for_its_end(void **state)
{
	struct outcome outcome = { 0 };
	struct sci_call *call = make_call(&outcome);

	(void)state;
	call->tail = calloc(1, sizeof *call->tail);
	sci_call_answer(call, NULL, NULL, false);
	assert_int_equal(outcome.times, 0);
	sci_call_finish(call);
	assert_int_equal(outcome.times, 1);
	assert_string_equal(outcome.content_type, "application/json");
}

static void a_call_is_never_lost(void **state)
{
	struct outcome outcome = { 0 };

	(void)state;
	sci_call_finish(make_call(&outcome));
	assert_int_equal(outcome.times, 1);
	assert_true(outcome.failed);
	assert_non_null(strstr(outcome.body, "\"errorType\":\"Runtime.Unknown\""));
	sci_call_discard(make_call(&outcome));
	assert_int_equal(outcome.times, 1);
}

static void call_scenario(void *arg)
{
	struct outcome outcome = { 0 };
	struct sci_call *call = make_call(&outcome);

	(void)arg;
	if (!call) {
		assert_true(sct_allocation_failed());
		return;
	}
	sci_call_fail(call, "error", "Function.Bad", "a \"reason\" of %d words", 4);
	/* Whichever allocation fails, the caller gets a failure. */
	assert_int_equal(outcome.times, 1);
	assert_true(outcome.failed);
	if (!sct_allocation_failed())
		assert_string_equal(outcome.body,
			"{\"errorType\":\"Function.Bad\",\"errorMessage\":\"a \\\"reason\\\" of 4 "
			"words\"}");
	sci_call_finish(call);
}

static void calls_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(call_scenario, NULL);
}

/* ---- Lines of a pipe. ---- */

struct lines {
	char all[128 * 1024];
	size_t len, count, longest;
};

static void on_line(void *arg, const char *line, size_t len)
{
	struct lines *lines = arg;

	assert_int_equal(line[len - 1], '\n');
	assert_true(lines->len + len <= sizeof lines->all);
	memcpy(lines->all + lines->len, line, len);
	lines->len += len;
	lines->count++;
	lines->longest = len > lines->longest ? len : lines->longest;
}

static void lines_are_whole(void **state)
{
	static struct lines lines;
	static char piece[4000];
	struct event_base *base = event_base_new();
	struct sci_line_pipe reader = { .line = on_line, .arg = &lines };
	struct sci_output *output;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(sci_output_open(base, -1, &output), 0);
	assert_int_equal(sci_line_pipe_init(&reader, base, ends[0], output), 0);
	assert_int_equal(write(ends[1], "one\n\ntwo", 8), 8);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(lines.count, 2);
	assert_int_equal(write(ends[1], " and more\nthree", 15), 15);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(lines.count, 3);
	sci_line_pipe_drain(&reader);
	assert_int_equal(lines.len, strlen("one\n\ntwo and more\nthree\n"));
	assert_memory_equal(lines.all, "one\n\ntwo and more\nthree\n", lines.len);

	lines.len = lines.count = 0;
	assert_int_equal(write(ends[1], "a\rb\r\nc\r", 7), 7);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(write(ends[1], "\nd\r\r\n", 5), 5);
	sci_line_pipe_drain(&reader);
	assert_int_equal(lines.len, strlen("a\nb\nc\nd\n\n"));
	assert_memory_equal(lines.all, "a\nb\nc\nd\n\n", lines.len);

	/* A long line in pieces: when a user has many pipes, a new one may hold only one or two
	 * pages (pipe(7)), and a longer write would wait for a reader, which is this test itself.
	 */
	memset(piece, 'x', sizeof piece);
	lines.len = lines.count = 0;
	for (int i = 0; i < 13; i++) {
		assert_int_equal(write(ends[1], piece, sizeof piece), sizeof piece);
		event_base_loop(base, EVLOOP_ONCE);
	}
	sci_line_pipe_drain(&reader);
	assert_int_equal(lines.longest, SCI_LINE_MAX);
	assert_int_equal(lines.count, 4);
	assert_int_equal(lines.len, 13 * sizeof piece + 4);

	close(ends[1]);
	event_base_loop(base, EVLOOP_ONCE);
	sci_line_pipe_fini(&reader);
	sci_output_close(output);
	event_base_free(base);
}

/* The log has a slow reader; the process has ended, so its pipe is closed soon. */
static void the_last_lines_are_read_though_the_output_is_full(void **state)
{
	static struct lines lines;
	static char filler[64 * 1024], last[60 * 1024];
	struct event_base *base = event_base_new();
	struct sci_line_pipe reader = { .line = on_line, .arg = &lines };
	struct sci_output *output;
	int ends[2], slow[2];

	(void)state;
	memset(filler, 'x', sizeof filler);
	memset(last, '\n', sizeof last);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(slow), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(sci_output_open(base, slow[1], &output), 0);
	assert_int_equal(sci_line_pipe_init(&reader, base, ends[0], output), 0);
	assert_int_equal(write(ends[1], last, sizeof last), sizeof last);
	for (int i = 0; i < 5; i++)
		sci_output_write(output, filler, sizeof filler);
	assert_true(sci_output_full(output));
	sci_line_pipe_drain(&reader);
	assert_int_equal(lines.count, 0);
	sci_line_pipe_finish(&reader);
	assert_int_equal(lines.count, sizeof last);
	sci_line_pipe_fini(&reader);
	for (int i = 0; i < 2; i++)
		close(slow[i]);
	sci_output_close(output);
	close(ends[1]);
	event_base_free(base);
}

/* ---- Descriptors. ---- */

static bool refuse_close_range(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof program / sizeof *program, program };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static bool descriptors_are_closed(void)
{
	int low = dup2(STDIN_FILENO, 50), middle = dup2(STDIN_FILENO, 100);
	int high = dup2(STDIN_FILENO, 900);

	sci_descriptors_close_at_exec(100);
	bool at_exec = fcntl(low, F_GETFD) == 0 && fcntl(middle, F_GETFD) == FD_CLOEXEC &&
		fcntl(high, F_GETFD) == FD_CLOEXEC;
	sci_descriptors_close(100);
	return at_exec && fcntl(low, F_GETFD) == 0 && fcntl(middle, F_GETFD) < 0 &&
		fcntl(high, F_GETFD) < 0;
}

/* With close_range(), without it, and without /proc too, where the test may hide it. */
static void descriptors_are_closed_on_any_system(void **state)
{
	(void)state;
	for (int refused = 0; refused < 3; refused++) {
		int status;
		pid_t child = fork();
		if (child == 0) {
			bool without = refused < 1 || refuse_close_range();
			if (refused == 2 && chroot(folder) < 0)
				_exit(0);
			_exit(!without || !descriptors_are_closed());
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

/* ---- The loop. ---- */

struct timed {
	struct event_base *base;
	struct event *timer, *soon; /* `soon` wakes the loop up before the timer is due */
	int64_t armed_us, fired_us;
};

static void on_timed(evutil_socket_t fd, short what, void *arg)
{
	struct timed *timed = arg;

	(void)fd;
	(void)what;
	timed->fired_us = sci_mono_us();
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void on_long_round(evutil_socket_t fd, short what, void *arg)
{
	struct timed *timed = arg;

	(void)fd;
	(void)what;
	for (int64_t end_us = sci_mono_us() + 200000; sci_mono_us() < end_us;)
		continue;
	timed->armed_us = sci_mono_us();
	assert_int_equal(sci_timer_start(timed->timer, 100), 0);
	assert_int_equal(sci_timer_start(timed->soon, 1), 0);
}

static void a_timer_armed_late_in_a_round_is_not_short(void **state)
{
	struct timed timed = { .base = sci_loop_new() };

	(void)state;
	assert_non_null(timed.base);
	timed.timer = evtimer_new(timed.base, on_timed, &timed);
	timed.soon = evtimer_new(timed.base, on_soon, NULL);
	struct event *first = event_new(timed.base, -1, 0, on_long_round, &timed);
	event_active(first, EV_TIMEOUT, 0);
	event_base_dispatch(timed.base);
	/* The loop's clock is the coarse one, which may be 10 ms behind. */
	assert_true(timed.fired_us - timed.armed_us > 85000);
	event_free(first);
	event_free(timed.timer);
	event_free(timed.soon);
	event_base_free(timed.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_replaced),
		cmocka_unit_test(variables_of_a_function),
		cmocka_unit_test(variables_without_memory),
		cmocka_unit_test(valid_deployments),
		cmocka_unit_test(invalid_deployments),
		cmocka_unit_test(deployments_without_memory),
		cmocka_unit_test(ids_differ),
		cmocka_unit_test(a_call_is_answered_once),
		cmocka_unit_test(a_call_that_wants_the_log_waits_for_its_end),
		cmocka_unit_test(a_call_is_never_lost),
		cmocka_unit_test(calls_without_memory),
		cmocka_unit_test(lines_are_whole),
		cmocka_unit_test(the_last_lines_are_read_though_the_output_is_full),
		cmocka_unit_test(descriptors_are_closed_on_any_system),
		cmocka_unit_test(a_timer_armed_late_in_a_round_is_not_short),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
