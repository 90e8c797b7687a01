/* The life of an environment. When its one timer fires, depending on the state:
 *
 *	STARTING          init has taken too long
 *	IDLE              see environment_idle.c
 *	BUSY, ANSWERED    the invocation has taken too long
 *	ENDING            not reaped: the process ignored SIGTERM, or its keeper the order to kill;
 *	                  reaped: conclude
 *
 * An invocation is complete when the runtime asks for the next one, and so do the extensions that
 * got it; its caller gets the answer as soon as it is posted. When the process exits, the kernel
 * may still hold bytes that it has sent. The end is therefore concluded EXIT_GRACE_MS later, so
 * that an answer sent before the exit counts. */
#include "local/environment.h"

#include "base/clock.h"
#include "base/error.h"
#include "local/code_stamp.h"
#include "local/environment_idle.h"
#include "local/environment_log.h"
#include "local/environment_process.h"
#include "local/extension_event.h"
#include "local/isolation.h"
#include "local/output.h"
#include "local/timer.h"

#include <event2/event.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From SIGTERM to SIGKILL. With an internal extension the time is Lambda's. */
#define STOP_GRACE_MS      300
#define EXTENSION_GRACE_MS 500
#define EXIT_GRACE_MS      10
#define INIT_FAIL_WAIT_MS  1000
#define KILL_WAIT_MS       5000

/* Log what the process has written before the lines about it. */
static void drain(struct sci_environment *environment)
{
	sci_line_pipe_drain(&environment->pipe);
	sci_line_pipe_drain(&environment->telemetry);
}

static void sample_memory(struct sci_environment *environment)
{
	struct sci_process_memory memory = sci_process_memory(&environment->process);

	if (memory.peak_kb > environment->peak_kb)
		environment->peak_kb = memory.peak_kb;
}

/* ---- States. ---- */

/* Start the timer of an environment that ends. Without memory for the timer it fires at once, which
 * needs no memory: too early is better than never. */
static void arm_end_timer(struct sci_environment *environment, int64_t ms)
{
	if (sci_timer_start(environment->timer, ms) < 0)
		event_active(environment->timer, EV_TIMEOUT, 0);
}

/* Kill the process; sci_environment_exited() does the rest when it is reaped. The keeper has
 * KILL_WAIT_MS to kill what the function has started, after which on_timer() kills the keeper: a
 * function may stop its keeper again and again. */
static void end_now(struct sci_environment *environment)
{
	environment->state = SCI_ENVIRONMENT_ENDING;
	sample_memory(environment);
	sci_process_signal(&environment->process, SIGKILL);
	environment->killed = true;
	arm_end_timer(environment, KILL_WAIT_MS);
}

/* End it by SIGTERM, which is followed by SIGKILL when the grace period is over. */
static void end_in_order(struct sci_environment *environment)
{
	bool has_extension = environment->extensions.count > 0;

	if (!has_extension && environment->strict_shutdown) {
		end_now(environment);
		return;
	}
	environment->state = SCI_ENVIRONMENT_ENDING;
	sample_memory(environment);
	sci_process_signal(&environment->process, SIGTERM);
	sci_environment_thaw(environment);
	arm_end_timer(environment, has_extension ? EXTENSION_GRACE_MS : STOP_GRACE_MS);
}

/* A reset after a timeout. As in Lambda it is in order if there is an extension, which has to know
 * that the environment ends. */
static void reset(struct sci_environment *environment)
{
	if (environment->extensions.count > 0)
		end_in_order(environment);
	else
		end_now(environment);
}

/* There is no memory for something without which no call runs. So the call fails before the
 * function gets it. The environment ends, which frees memory. */
static void give_up_call(struct sci_environment *environment, const char *missing)
{
	struct sci_call *call = environment->call;
	char text[128];

	snprintf(text, sizeof text, "RequestId: %s Error: out of memory: %s", call->request_id,
		missing);
	sci_environment_log_text(environment, text);
	end_now(environment);
	sci_call_fail(call, "error", "Runtime.Unknown", "%s", text);
}

/* Let the call begin for the extensions that get it. Returns 0, or SC_E_NOMEM. */
static int begin_for_extensions(struct sci_environment *environment)
{
	if (!sci_extensions_get_invoke(&environment->extensions))
		return 0;
	struct sci_shared_bytes *event =
		sci_extension_invoke_event(environment->call, environment->deadline_ms);
	if (!event)
		return SC_E_NOMEM;
	sci_extensions_begin(&environment->extensions, event);
	sci_shared_bytes_release(event);
	return 0;
}

/* Hand the call in `environment->call` to the runtime and the extensions that wait. */
static void deliver(struct sci_environment *environment)
{
	struct sci_call *call = environment->call;
	struct sci_exchange *poll = environment->poll;
	char line[SCI_LOG_LINE_BYTES];

	environment->begun_us = sci_mono_us();
	environment->deadline_ms = sci_real_ms() + environment->function->timeout_ms;
	environment->invocations++;
	sci_environment_log_line(environment, line, sci_log_start(line, call->request_id));
	environment->state = SCI_ENVIRONMENT_BUSY;
	if (sci_timer_start(environment->timer, environment->function->timeout_ms) < 0) {
		give_up_call(environment, "no timer for the time limit");
		return;
	}
	if (begin_for_extensions(environment) < 0) {
		give_up_call(environment, "no event for the extensions");
		return;
	}
	environment->poll = NULL;
	/* Last: the answer may come before these return. The call does not end in the first one if
	 * an extension is still to get it. */
	sci_runtime_deliver(poll, call, environment->deadline_ms);
	sci_extensions_deliver(&environment->extensions);
}

/* The invocation is over. */
static void finish(struct sci_environment *environment)
{
	struct sci_call *call = environment->call;

	sci_environment_log_report(environment);
	environment->call = NULL;
	if (call->answer.failed)
		environment->function->figures.errors++;
	sci_call_finish(call);
}

static void become_idle(struct sci_environment *environment)
{
	environment->state = SCI_ENVIRONMENT_IDLE;
	environment->idle_since_us = sci_mono_us();
	/* A call that waits gets another one, so that an age is reached under load too. */
	if (sci_environment_is_too_old(environment)) {
		sci_environment_recycle(environment);
		return;
	}
	sci_environment_idle_begin(environment);
	/* Last: it may get a call. */
	environment->events->idle(environment, environment->events->arg);
}

static void finish_init(struct sci_environment *environment)
{
	environment->began = true;
	environment->init_us = sci_mono_us() - environment->started_us;
	sci_environment_log_extensions(environment);
	if (environment->call) {
		deliver(environment);
		return;
	}
	event_del(environment->timer);
	become_idle(environment);
}

static void finish_invocation(struct sci_environment *environment)
{
	event_del(environment->timer);
	drain(environment);
	sample_memory(environment);
	finish(environment);
	become_idle(environment);
}

/* The runtime or an extension has asked for what comes next: end the init phase or the invocation
 * if the others have asked too. */
static void proceed(struct sci_environment *environment)
{
	bool in_init = environment->state == SCI_ENVIRONMENT_STARTING;

	if (!environment->poll || sci_extensions_unready(&environment->extensions, in_init))
		return;
	if (in_init)
		finish_init(environment);
	else if (environment->state == SCI_ENVIRONMENT_ANSWERED)
		finish_invocation(environment);
}

/* The process exited during an invocation. An extension that has posted an error is the cause. */
static void report_exit(struct sci_environment *environment)
{
	const char *failure = environment->extensions.failure;
	const char *type = failure ? failure : "Runtime.ExitError";
	struct sci_call *call = environment->call;
	char reason[SCI_EXIT_REASON_BYTES], line[256];

	sci_log_exit(reason, environment->exit_status);
	snprintf(line, sizeof line, "RequestId: %s Error: %s", call->request_id, reason);
	sci_environment_log_text(environment, line);
	sci_environment_log_text(environment, type);
	if (call->answer.made)
		sci_call_note(call, "error", type);
	else
		sci_call_fail(call, "error", type, "%s", line);
}

/* The process is reaped and all that it sent has arrived: finish the call. */
static void conclude(struct sci_environment *environment)
{
	struct sci_call *call = environment->call;

	sci_line_pipe_finish(&environment->pipe);
	sci_line_pipe_finish(&environment->telemetry);
	if (call) {
		/* The caller gets the timeout only now, when all processes have ended and the next
		 * environment can have the /tmp. */
		if (environment->timeout_message[0] && !call->answer.made)
			sci_call_fail(call, "timeout", "Sandbox.Timedout", "%s",
				environment->timeout_message);
		if (!call->status && !environment->stopped)
			report_exit(environment);
		if (!call->answer.made)
			sci_call_fail(call, "error", "Sandbox.Stopped",
				"RequestId: %s Error: the environment was stopped first",
				call->request_id);
		if (!environment->began)
			sci_environment_log_failed_init(environment);
		finish(environment);
	}
	environment->events->ended(environment, environment->events->arg);
}

static void time_out(struct sci_environment *environment)
{
	struct sci_call *call = environment->call;
	char text[SCI_TIMED_OUT_BYTES];

	environment->timed_out = true;
	environment->function->figures.timeouts++;
	sci_log_timed_out(text, sci_real_ms(), call->request_id, environment->function->timeout_ms);
	drain(environment);
	sci_environment_log_text(environment, text);
	reset(environment);
	sci_call_note(call, "timeout", NULL);
	snprintf(environment->timeout_message, sizeof environment->timeout_message, "%s", text);
}

static void init_time_out(struct sci_environment *environment)
{
	const struct sci_extension *unready =
		environment->poll ? sci_extensions_unready(&environment->extensions, true) : NULL;
	struct sci_call *call = environment->call;

	environment->function->figures.timeouts++;
	reset(environment);
	if (call)
		snprintf(environment->timeout_message, sizeof environment->timeout_message,
			"RequestId: %s Error: Init timed out after %.2f seconds: "
			"the %s%.48s has not asked for an %s",
			call->request_id, (double)environment->function->init_timeout_ms / 1000.0,
			unready ? "extension " : "bootstrap", unready ? unready->name : "",
			unready ? "event" : "invocation");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sci_environment *environment = arg;

	(void)fd;
	(void)what;
	switch (environment->state) {
	case SCI_ENVIRONMENT_STARTING:
		init_time_out(environment);
		return;
	case SCI_ENVIRONMENT_BUSY:
	case SCI_ENVIRONMENT_ANSWERED:
		time_out(environment);
		return;
	case SCI_ENVIRONMENT_ENDING:
		if (environment->exited)
			conclude(environment);
		else if (environment->killed)
			sci_process_kill_keeper(&environment->process);
		else
			end_now(environment);
		return;
	case SCI_ENVIRONMENT_IDLE:
		sci_environment_idle_continue(environment);
		return;
	}
}

/* ---- Requests of the runtime. ---- */

static void on_next(struct sci_exchange *exchange, void *arg)
{
	struct sci_environment *environment = arg;

	/* A runtime has one poll open at a time: refuse an older one, which it has abandoned. */
	if (environment->poll)
		sci_runtime_refuse(environment->poll);
	environment->poll = exchange;
	switch (environment->state) {
	case SCI_ENVIRONMENT_STARTING:
		sci_extensions_close(&environment->extensions);
		proceed(environment);
		return;
	case SCI_ENVIRONMENT_BUSY:
		/* The answer to its last poll may have been lost: send it again. */
		environment->poll = NULL;
		sci_runtime_deliver(exchange, environment->call, environment->deadline_ms);
		return;
	case SCI_ENVIRONMENT_ANSWERED:
		proceed(environment);
		return;
	case SCI_ENVIRONMENT_IDLE:
	case SCI_ENVIRONMENT_ENDING:
		return;
	}
}

static void on_extension_ready(void *arg)
{
	proceed(arg);
}

static enum sci_runtime_verdict judge_post(const struct sci_environment *environment,
	const struct sci_runtime_post *post)
{
	const struct sci_call *call = environment->call;

	if (!call || !environment->began || strcmp(post->request_id, call->request_id) != 0)
		return SCI_RUNTIME_WRONG_ID;
	/* The echoed id tells two deliveries of one request apart; older runtimes send none. */
	if (post->invocation_id && strcmp(post->invocation_id, call->invocation_id) != 0)
		return SCI_RUNTIME_WRONG_ID;
	/* After the timeout an answer is too late. */
	return call->answer.made || environment->timeout_message[0] ? SCI_RUNTIME_WRONG_STATE
								    : SCI_RUNTIME_ACCEPTED;
}

static enum sci_runtime_verdict on_posted(const struct sci_runtime_post *post, void *arg)
{
	struct sci_environment *environment = arg;
	struct sci_call *call = environment->call;
	enum sci_runtime_verdict verdict = judge_post(environment, post);

	if (verdict != SCI_RUNTIME_ACCEPTED)
		return verdict;
	if (environment->state == SCI_ENVIRONMENT_BUSY)
		environment->state = SCI_ENVIRONMENT_ANSWERED;
	if (post->failed)
		sci_call_note(call, "error", sci_log_error_type(post->error_type));
	if (post->too_large)
		sci_call_fail(call, "error", "Function.ResponseSizeTooLarge",
			"Response payload size exceeded maximum allowed payload size (%d bytes).",
			SCI_RESPONSE_MAX);
	else
		sci_call_answer(call, post->body, post->content_type, post->failed);
	return verdict;
}

static enum sci_runtime_verdict on_init_failed(const struct sci_runtime_post *post, void *arg)
{
	struct sci_environment *environment = arg;

	if (environment->state != SCI_ENVIRONMENT_STARTING)
		return SCI_RUNTIME_WRONG_STATE;
	/* The runtime exits now, after logging the reason; if it does not, the timer kills it. */
	environment->state = SCI_ENVIRONMENT_ENDING;
	arm_end_timer(environment, INIT_FAIL_WAIT_MS);
	if (environment->call) {
		sci_call_note(environment->call, "error", sci_log_error_type(post->error_type));
		sci_call_answer(environment->call, post->body, "application/json", true);
	}
	return SCI_RUNTIME_ACCEPTED;
}

static enum sci_socket_owner owner_of(const struct sci_environment *environment,
	const struct sci_peer *peer)
{
	return sci_isolation_owner_of(environment->isolation, peer,
		sci_http_listener_port(environment->runtime), &environment->process);
}

/* Only the function's own processes may use its Runtime API. The first refusal is logged. A
 * connection that is closed already is admitted: the function may have answered on it before it
 * exited. */
static bool on_connection(const struct sci_peer *peer, void *arg)
{
	struct sci_environment *environment = arg;
	enum sci_socket_owner owner = owner_of(environment, peer);
	char line[256];

	environment->saw_closed |= owner == SCI_SOCKET_CLOSED;
	if (owner != SCI_SOCKET_OTHERS)
		return true;
	snprintf(line, sizeof line,
		"scopecache local: function %s: a process that is not the function's was refused "
		"by its Runtime API",
		environment->function->name);
	if (!environment->refused)
		sci_environment_log_text(environment, line);
	environment->refused = true;
	return false;
}

static bool on_trust(const struct sci_exchange *exchange, void *arg)
{
	const struct sci_environment *environment = arg;
	struct sci_peer peer;

	return !environment->saw_closed ||
		(sci_exchange_peer(exchange, &peer) &&
			owner_of(environment, &peer) == SCI_SOCKET_OURS);
}

/* ---- Calls of the owner. ---- */

/* The time limit of a post: the longest of an invocation and an init. */
static int64_t longest_ms(const struct sci_deployment *function)
{
	return function->timeout_ms > function->init_timeout_ms ? function->timeout_ms
								: function->init_timeout_ms;
}

static int start_parts(struct sci_environment *environment, struct event_base *base,
	struct sc_error *error)
{
	environment->timer = evtimer_new(base, on_timer, environment);
	/* Nothing runs without a limit. */
	if (!environment->timer ||
		sci_timer_start(environment->timer, environment->function->init_timeout_ms) < 0)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	int rc = sci_runtime_server_open(base, &environment->handlers,
		longest_ms(environment->function), &environment->runtime, error);
	if (rc < 0)
		return rc;
	return sci_environment_start_process(environment, base, error);
}

int sci_environment_start(const struct sci_environment_options *options, struct sci_call *call,
	struct sci_environment **out, struct sc_error *error)
{
	struct sci_environment *environment = calloc(1, sizeof *environment);

	if (!environment)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	environment->function = options->function;
	environment->output = options->output;
	environment->isolation = options->isolation;
	environment->events = options->events;
	environment->process.status_fd = -1;
	environment->init_us = -1;
	environment->started_us = environment->begun_us = sci_mono_us();
	environment->strict_shutdown = options->strict_shutdown;
	environment->lifetime = options->lifetime;
	environment->freezes = options->freeze;
	environment->handlers = (struct sci_runtime_handlers){ on_connection, on_trust, on_next,
		on_posted, on_init_failed, environment, &environment->extensions };
	environment->extensions = (struct sci_extensions){ .function_name = options->function->name,
		.handler = sci_environ_get(&options->function->environment, "_HANDLER"),
		.ready = on_extension_ready,
		.arg = environment };
	sci_hex_id(environment->id);
	/* Before the start: the next call then sees a change that is made during the start. */
	if (options->function->watched)
		environment->code_stamp = sci_code_stamp(options->function->watched);

	int rc = start_parts(environment, options->base, error);
	if (rc < 0) {
		/* A process that is ending may still write to its /tmp, so the folder is not kept
		 * for another environment. */
		environment->stopped = environment->process.keeper > 0;
		sci_process_signal(&environment->process, SIGKILL);
		sci_environment_free(environment);
		return rc;
	}
	environment->call = call;
	*out = environment;
	return 0;
}

bool sci_environment_assign(struct sci_environment *environment, struct sci_call *call)
{
	if (!sci_exchange_is_alive(environment->poll)) {
		end_now(environment);
		return false;
	}
	sci_environment_idle_end(environment);
	environment->call = call;
	environment->function->figures.invocations++;
	deliver(environment);
	return true;
}

void sci_environment_stop(struct sci_environment *environment)
{
	if (environment->state == SCI_ENVIRONMENT_ENDING)
		return;
	environment->stopped = true;
	end_in_order(environment);
}

void sci_environment_recycle(struct sci_environment *environment)
{
	sci_environment_log_recycled(environment);
	sci_environment_stop(environment);
}

void sci_environment_kill(struct sci_environment *environment)
{
	environment->stopped = true;
	if (!environment->exited)
		sci_process_signal(&environment->process, SIGKILL);
}

void sci_environment_exited(struct sci_environment *environment, struct sci_process_end *end)
{
	sci_process_conclude(&environment->process, end);
	if (environment->state != SCI_ENVIRONMENT_ENDING)
		environment->function->figures.crashes++;
	/* A peak no higher than ours at the fork is inherited, and says nothing of the function. */
	if (end->peak_kb > environment->process.inherited_kb && end->peak_kb > environment->peak_kb)
		environment->peak_kb = end->peak_kb;
	environment->exit_status = end->status;
	environment->exited = true;
	if (environment->state == SCI_ENVIRONMENT_IDLE)
		sci_environment_log_idle_exit(environment);
	environment->state = SCI_ENVIRONMENT_ENDING;
	sci_process_fini(&environment->process);
	arm_end_timer(environment, EXIT_GRACE_MS);
}

void sci_environment_free(struct sci_environment *environment)
{
	sci_line_pipe_fini(&environment->pipe);
	sci_line_pipe_fini(&environment->telemetry);
	sci_http_listener_close(environment->runtime);
	sci_extensions_fini(&environment->extensions);
	if (environment->timer)
		event_free(environment->timer);
	sci_process_fini(&environment->process);
	/* After a fault the next environment gets these files, as in Lambda after a reset. */
	sci_isolation_leave(environment->isolation, environment->function, environment->tmp_id,
		!environment->stopped);
	free(environment);
}

const char *sci_environment_state_name(enum sci_environment_state state)
{
	static const char *const names[] = { "starting", "idle", "busy", "answered", "ending" };

	return names[state];
}
