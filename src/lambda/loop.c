/* The life of a function: init, one event after the other, fini.
 *
 * Three kinds of failure are treated differently. When no event comes, the loop backs off and
 * retries, a bounded number of times in a row. When an event cannot be received, it is answered
 * with an error, or Lambda would send it again. When an answer cannot be sent, the loop logs that
 * and requests the next event: one lost answer costs less than the warm state of all later
 * invocations. Only a failure that would repeat for every later event ends the loop. */
#include "base/clock.h"
#include "base/error.h"
#include "base/sized.h"
#include "base/utf8.h"
#include "lambda/backoff.h"
#include "lambda/error_json.h"
#include "lambda/invocation.h"
#include "lambda/registration.h"
#include "lambda/runtime_api.h"
#include "lambda/termination.h"
#include "lambda/trace_environment.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 512

/* The least time to send an answer: the deadline may have passed while the handler ran, and the
 * clocks of both sides may differ. */
#define ANSWER_MS 1000
/* The next event after this many in a row that were cut off is not retried. */
#define CUT_OFF_TRIES 3
/* An error of the init phase. */
#define INIT_ERROR_MS 10000

struct loop {
	struct sc_lambda_function function;
	struct sc_hooks hooks[SC_HOOKS_MAX];
	size_t hook_count;     /* hooks whose `shutdown` has not been called yet */
	size_t begun;          /* how many hooks were called at the begin and not yet at the end */
	uint64_t memory_bytes; /* of the function; 0: not known */
	struct sci_http_interrupt *interrupt;
	void *state;
	struct sci_runtime_api api;
	struct sci_registration registration;
	struct sc_invocation invocation;
	struct sci_trace_environment trace;
	struct sc_error error;
	bool has_warned_of_deadline, has_checked_registration;
};

static void say(const struct loop *loop, enum sc_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(const struct loop *loop, enum sc_log_level level, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	if (!loop->function.log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	line[sci_utf8_cut(line, strlen(line))] = '\0';
	loop->function.log(level, line);
}

/* ---- The extension. Without it the function works, so that no failure of it ends the function. */

static void warn_of_sigkill(const struct loop *loop, const char *cause)
{
	say(loop, SC_LOG_WARN,
		"not registered as an extension: %s; the platform may end this environment without "
		"SIGTERM, and then fini and the hooks' shutdown are not called",
		cause);
}

static void register_extension(struct loop *loop)
{
	const char *name = loop->function.extension;
	struct sc_error cause;
	int state;

	if (!name)
		name = getenv("SCOPECACHE_EXTENSION");
	if (!name || !*name)
		return;
	/* It takes a few seconds at most. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	int rc = sci_registration_open(&loop->registration, &loop->api.connection.address, name,
		loop->interrupt, &cause);
	pthread_setcancelstate(state, NULL);
	if (rc < 0)
		warn_of_sigkill(loop, cause.message);
}

/* ---- Hooks: in order at a begin, in reverse order at an end. ---- */

static struct sc_invocation_info info_of(const struct loop *loop)
{
	const struct sc_invocation *inv = &loop->invocation;

	return (struct sc_invocation_info){
		.size = sizeof(struct sc_invocation_info),
		.remaining_ms = sc_invocation_remaining_ms(inv),
		.request_id = sc_invocation_request_id(inv),
		.tenant_id = sc_invocation_tenant_id(inv),
		.memory_bytes = loop->memory_bytes,
		.log = loop->function.log,
	};
}

static void tell_begin(struct loop *loop)
{
	for (loop->begun = 0; loop->begun < loop->hook_count; loop->begun++) {
		const struct sc_hooks *hooks = &loop->hooks[loop->begun];
		if (!hooks->invocation_begin)
			continue;
		struct sc_invocation_info info = info_of(loop);
		hooks->invocation_begin(hooks->context, &info);
	}
}

/* When a hook does not return, a cleanup handler calls the remaining hooks: their end here, their
 * shutdown in tell_shutdown(). */
static void tell_end(void *arg)
{
	struct loop *loop = arg;

	pthread_cleanup_push(tell_end, loop);
	while (loop->begun > 0) {
		const struct sc_hooks *hooks = &loop->hooks[--loop->begun];
		struct sc_invocation_info info = info_of(loop);
		if (hooks->invocation_end)
			hooks->invocation_end(hooks->context, &info);
	}
	pthread_cleanup_pop(0);
}

static void tell_shutdown(void *arg)
{
	struct loop *loop = arg;

	pthread_cleanup_push(tell_shutdown, loop);
	while (loop->hook_count > 0) {
		const struct sc_hooks *hooks = &loop->hooks[--loop->hook_count];
		if (hooks->shutdown)
			hooks->shutdown(hooks->context);
	}
	pthread_cleanup_pop(0);
}

/* ---- One invocation. ---- */

static int post(struct loop *loop, struct sci_post *what)
{
	int64_t remaining_ms = sc_invocation_remaining_ms(&loop->invocation);

	if (remaining_ms < INT64_MAX / 2)
		what->deadline_mono_ms =
			sci_mono_ms() + (remaining_ms > ANSWER_MS ? remaining_ms : ANSWER_MS);
	return sci_runtime_api_post(&loop->api, loop->invocation.event, what, &loop->error);
}

static int post_failure(struct loop *loop)
{
	static const char no_memory[] =
		"{\"errorMessage\":\"out of "
		"memory\",\"errorType\":\"Function.Error\",\"stackTrace\":[]}";
	const struct sc_invocation *inv = &loop->invocation;
	struct sci_post failure = {
		.content_type = "application/json",
		.error_type = inv->failure_type,
		.body = inv->failure.data,
		.len = inv->failure.len,
	};

	if (failure.len == 0) {
		failure.body = no_memory;
		failure.len = sizeof no_memory - 1;
	}
	return post(loop, &failure);
}

static int post_response(struct loop *loop)
{
	struct sc_invocation *inv = &loop->invocation;
	struct sci_post response = { .content_type = inv->content_type };

	response.body = sci_invocation_response(inv, &response.len);
	int rc = post(loop, &response);
	if (rc != SC_E_PROTOCOL || loop->error.http_status != 413)
		return rc;
	/* The caller still waits for an answer, so it gets the error. */
	say(loop, SC_LOG_WARN,
		"the response of %zu bytes is too large: the invocation fails instead",
		response.len);
	sc_invocation_fail(inv, "Function.ResponseSizeTooLarge",
		"the response of %zu bytes is larger than what the platform accepts", response.len);
	rc = post_failure(loop);
	/* Where the 413 already answered the caller, the server refuses this second answer with a
	 * 403. */
	return rc == SC_E_PROTOCOL && loop->error.http_status == 403 ? 0 : rc;
}

/* Returns whether the invocation was answered. */
static bool answer(struct loop *loop, int result)
{
	struct sc_invocation *inv = &loop->invocation;

	if (result < 0 && inv->outcome != SCI_FAILED)
		sc_invocation_fail(inv, NULL, "%s", sc_result_text(result));
	int rc = inv->outcome == SCI_FAILED ? post_failure(loop) : post_response(loop);
	if (rc == 0)
		return true;
	if (rc == SC_E_PROTOCOL && loop->error.http_status == 410)
		say(loop, SC_LOG_WARN, "the invocation had timed out before it was answered");
	else
		say(loop, SC_LOG_ERROR, "the invocation could not be answered: %s",
			loop->error.message);
	return false;
}

static void restore_cancellation(void *state)
{
	pthread_setcancelstate(*(const int *)state, NULL);
}

/* A cancellation that was requested while the handler ran must not interrupt the post, or the
 * caller would get no answer. The post ends at the deadline at the latest; the cancellation
 * takes effect after it. */
static bool answer_before_cancellation(struct loop *loop, int result)
{
	bool is_answered;
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_cleanup_push(restore_cancellation, &state);
	is_answered = answer(loop, result);
	pthread_cleanup_pop(1);
	return is_answered;
}

static void prepare(struct loop *loop, const struct sci_event *event)
{
	if (sci_trace_environment_set(&loop->trace, event->trace_id) < 0)
		say(loop, SC_LOG_WARN, "no memory to set _X_AMZN_TRACE_ID");
	if (event->deadline_is_malformed && !loop->has_warned_of_deadline) {
		loop->has_warned_of_deadline = true;
		say(loop, SC_LOG_WARN,
			"the deadline of an event is not a number: running without it");
	}
}

/* The handler did not return: the caller gets an error, and the exception or the thread's end then
 * continues. */
static void abandon_invocation(void *arg)
{
	struct loop *loop = arg;

	sc_invocation_fail(&loop->invocation, "Function.DidNotReturn",
		"the handler did not return: it threw, or its thread ended");
	answer_before_cancellation(loop, SC_E_FUNCTION);
}

static void serve(struct loop *loop, const struct sci_event *event)
{
	int result;

	sci_invocation_begin(&loop->invocation, event);
	pthread_cleanup_push(tell_end, loop);
	pthread_cleanup_push(abandon_invocation, loop);
	prepare(loop, event);
	tell_begin(loop);
	result = loop->function.handle(&loop->invocation, loop->state);
	pthread_cleanup_pop(0);
	answer_before_cancellation(loop, result);
	pthread_cleanup_pop(1);
}

/* ---- Event after event. ---- */

/* Answer an event that cannot be received with an error. Otherwise Lambda sends it again until
 * the loop gives up, which would end the warm state. False when no caller waits, or when a retry
 * may succeed. */
static bool refuse_event(struct loop *loop, const struct sci_event *event, int failures)
{
	struct sc_error cause = loop->error;

	if (!event->request_id || (event->is_cut_off && failures < CUT_OFF_TRIES))
		return false;
	say(loop, SC_LOG_WARN, "an event could not be received: %s; its invocation fails",
		cause.message);
	sci_invocation_begin(&loop->invocation, event);
	sc_invocation_fail(&loop->invocation, "Runtime.UnusableEvent",
		"the event could not be received: %s", cause.message);
	if (answer_before_cancellation(loop, SC_E_FUNCTION))
		return true;
	loop->error = cause;
	return false;
}

/* SCI_EVENT_CAME, SCI_EVENT_WAIT_INTERRUPTED, or the error of the last try. */
static int next_event(struct loop *loop, struct sci_event *event)
{
	for (int failures = 1;; failures++) {
		int rc = sci_runtime_api_next(&loop->api, event, &loop->error);
		if (rc >= 0)
			return rc;
		if (refuse_event(loop, event, failures)) {
			failures = 0;
			continue;
		}
		if (failures == SCI_BACKOFF_TRIES) {
			say(loop, SC_LOG_ERROR, "no event: %s; giving up", loop->error.message);
			return rc;
		}
		int pause_ms = sci_backoff_ms(failures);
		say(loop, SC_LOG_WARN, "no event: %s; trying again in %d ms", loop->error.message,
			pause_ms);
		sci_backoff_wait(pause_ms, loop->interrupt);
	}
}

/* Once the platform sends events it has seen the extension's request too. */
static void check_registration(struct loop *loop)
{
	loop->has_checked_registration = true;
	if (sci_registration_was_refused(&loop->registration))
		warn_of_sigkill(loop, "its wait for events was refused");
}

static int serve_all(struct loop *loop)
{
	struct sci_event event;
	int rc;

	while ((rc = next_event(loop, &event)) == SCI_EVENT_CAME) {
		if (!loop->has_checked_registration)
			check_registration(loop);
		serve(loop, &event);
	}
	return rc < 0 ? rc : 0;
}

/* ---- From init to fini. ---- */

static int fail_init(struct loop *loop, int result)
{
	struct sc_error *error = &loop->error, post_error;
	struct sci_post failure = { .content_type = "application/json",
		.error_type = "Function.InitError",
		.deadline_mono_ms = sci_mono_ms() + INIT_ERROR_MS };

	error->message[sizeof error->message - 1] = '\0';
	if (error->message[0] == '\0')
		sci_error_set(error, result, 0, "%s", sc_result_text(result));
	struct sci_buffer *json = &loop->invocation.failure;
	if (sci_error_json(json, failure.error_type, error->message, strlen(error->message)) == 0) {
		failure.body = json->data;
		failure.len = json->len;
	}
	if (sci_runtime_api_post_init_error(&loop->api, &failure, &post_error) < 0)
		say(loop, SC_LOG_ERROR, "the init error could not be posted: %s",
			post_error.message);
	error->code = SC_E_FUNCTION;
	error->user_code = result;
	return SC_E_FUNCTION;
}

static void abandon_init(void *arg)
{
	struct loop *loop = arg;

	sci_error_set(&loop->error, SC_E_FUNCTION, 0,
		"the init function did not return: it threw, or its thread ended");
	fail_init(loop, SC_E_FUNCTION);
}

static int init(struct loop *loop)
{
	int rc = 0;

	pthread_cleanup_push(abandon_init, loop);
	if (loop->function.init)
		rc = loop->function.init(&loop->state, &loop->error);
	pthread_cleanup_pop(0);
	return rc < 0 ? fail_init(loop, rc) : 0;
}

static void end_function(void *arg)
{
	struct loop *loop = arg;

	if (loop->function.fini)
		loop->function.fini(loop->state);
}

/* Cleanup handlers end the function and its hooks, the last first, whether or not the user's code
 * returns. */
static int live(struct loop *loop)
{
	int rc;

	pthread_cleanup_push(tell_shutdown, loop);
	rc = init(loop);
	if (rc == 0) {
		pthread_cleanup_push(end_function, loop);
		rc = serve_all(loop);
		pthread_cleanup_pop(1);
	}
	pthread_cleanup_pop(1);
	return rc;
}

static void close_loop(void *arg)
{
	struct loop *loop = arg;

	/* A thread that was cancelled while it waited for an event did not leave the interrupt. */
	sci_http_interrupt_leave(loop->interrupt);
	sci_runtime_api_fini(&loop->api);
	sci_registration_close(&loop->registration);
	sci_invocation_fini(&loop->invocation);
	sci_trace_environment_fini(&loop->trace);
	sci_termination_stop();
}

static int open_and_live(struct loop *loop)
{
	struct sc_error *error = &loop->error, cause;
	const char *address = loop->function.runtime_api;
	bool from_environment = !address;

	if (from_environment)
		address = getenv("AWS_LAMBDA_RUNTIME_API");
	if (!address || !*address)
		return sci_error_set(error, SC_E_INVAL, 0,
			"AWS_LAMBDA_RUNTIME_API is not set: this program is a Lambda function; "
			"run it under Lambda or `scopecache local`");
	int rc = sci_runtime_api_init(&loop->api, address, loop->interrupt, &cause);
	if (rc < 0)
		return sci_error_set(error, rc, 0, "%s%s",
			from_environment ? "AWS_LAMBDA_RUNTIME_API: " : "", cause.message);
	/* Before init: then an environment whose init takes too long gets SIGTERM too. */
	register_extension(loop);
	return live(loop);
}

/* Copy the options, which may be of another version. Returns false when they cannot be used. */
static bool read_function(struct loop *loop, const struct sc_lambda_function *function)
{
	if (!function ||
		!sci_sized_read(&loop->function, sizeof loop->function, function, function->size))
		return false;
	return loop->function.handle != NULL;
}

static bool read_hooks(struct loop *loop)
{
	const struct sc_hooks *const *hooks = loop->function.hooks;

	for (; hooks && *hooks; hooks++) {
		struct sc_hooks *copy = &loop->hooks[loop->hook_count];
		if (loop->hook_count == SC_HOOKS_MAX ||
			!sci_sized_read(copy, sizeof *copy, *hooks, (*hooks)->size))
			return false;
		loop->hook_count++;
	}
	return true;
}

/* The memory size of the function in MiB, from its environment. */
static uint64_t memory_bytes(void)
{
	const char *text = getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
	uint64_t mib = 0;

	for (; text && *text; text++) {
		if (*text < '0' || *text > '9' || mib > UINT32_MAX)
			return 0;
		mib = mib * 10 + (uint64_t)(*text - '0');
	}
	return mib << 20;
}

int sc_lambda_run(const struct sc_lambda_function *function, struct sc_error *error)
{
	struct loop loop = { .memory_bytes = memory_bytes(), .registration.connection.fd = -1 };

	if (!read_function(&loop, function))
		return sci_error_set(error, SC_E_INVAL, 0,
			"the function has no handler or no size, or sets what this library does "
			"not know");
	if (!read_hooks(&loop))
		return sci_error_set(error, SC_E_INVAL, 0,
			"there are more than %d hooks, or one has no size or sets what this "
			"library does not know",
			SC_HOOKS_MAX);
	loop.interrupt = sci_termination_start();
	if (!loop.interrupt)
		return sci_error_set(error, SC_E_INVAL, 0,
			"a function is running in this process already");
	int rc = SC_E_FUNCTION;
	pthread_cleanup_push(close_loop, &loop);
	rc = open_and_live(&loop);
	pthread_cleanup_pop(1);
	if (rc < 0 && error)
		*error = loop.error;
	return rc;
}
