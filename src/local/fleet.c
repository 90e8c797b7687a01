/* Lambda's rule: an environment works on one invocation at a time. An invocation goes to the idle
 * environment that was used last, so that the others stay idle; when none is idle, a new one is
 * started for this invocation alone.
 *
 * One rule is not Lambda's. The caller gets its answer before the runtime asks for the next
 * invocation, and a caller on this machine may send its next call sooner than that. In Lambda the
 * way to the function takes longer. Here a call that finds an environment of its function which has
 * answered and is not idle yet waits for it to settle, for SETTLE_MS at most, before it starts
 * another. At most one call waits for each such environment, so a burst still gets its environments
 * at once.
 *
 * An event, whose caller does not wait for the answer, is not refused when all environments are
 * busy: it stays in a bounded queue, behind the calls whose callers wait.
 *
 * At max_environments, the environment that has been idle longest, of any function, is ended.
 *
 * A start takes milliseconds, in which no socket is read. Each round of the loop therefore makes
 * only a few starts of a burst, so that the requests of processes that have begun are read before
 * their init times out. */
#include "local/fleet.h"

#include "local/code_stamp.h"
#include "local/output.h"
#include "local/timer.h"

#include <event2/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS      100
#define EVENTS_MAX     1000
#define STARTS_AT_ONCE 4

/* The most bytes of payloads of all events that wait. */
#define EVENTS_BYTES_MAX (64 * 1024 * 1024)

TAILQ_HEAD(environment_list, sci_environment);
TAILQ_HEAD(call_list, sci_call);

/* The state of one function. */
struct pool {
	struct environment_list idle; /* the one that was used last is at the head */

	/* Calls that wait for an environment to settle, and how many of them are events. */
	size_t settle_calls, settle_events;
};

struct sci_fleet {
	struct sci_fleet_options options;
	struct sci_environment_events events;
	struct environment_list all;
	struct pool *pools;       /* one for each function */
	struct call_list waiting; /* first those whose callers wait, then events */
	size_t event_count, event_bytes;
	struct call_list starting; /* calls whose environments are not started, but counted */
	size_t starting_count;
	struct event *start;
	struct sci_draws draws;
	bool stopping, emptied;
};

static struct pool *pool_of(const struct sci_fleet *fleet, const struct sci_deployment *function)
{
	return &fleet->pools[function - fleet->options.functions];
}

/* ---- Environments. ---- */

static void leave_idle(struct sci_fleet *fleet, struct sci_environment *environment)
{
	TAILQ_REMOVE(&pool_of(fleet, environment->function)->idle, environment, idle);
}

static void stop(struct sci_fleet *fleet, struct sci_environment *environment)
{
	if (environment->state == SCI_ENVIRONMENT_ENDING)
		return;
	if (environment->state == SCI_ENVIRONMENT_IDLE)
		leave_idle(fleet, environment);
	sci_environment_stop(environment);
}

/* The number that max_environments bounds: environments that are not ending, and starts that are
 * due. */
static size_t count_living(const struct sci_fleet *fleet)
{
	const struct sci_environment *environment;
	size_t count = fleet->starting_count;

	TAILQ_FOREACH(environment, &fleet->all, all)
		count += environment->state != SCI_ENVIRONMENT_ENDING;
	return count;
}

/* End the environment that has been idle longest. Returns false when none is idle. */
static bool end_oldest_idle(struct sci_fleet *fleet)
{
	struct sci_environment *oldest = NULL, *last;

	for (size_t i = 0; i < fleet->options.function_count; i++) {
		last = TAILQ_LAST(&fleet->pools[i].idle, environment_list);
		if (last && (!oldest || last->idle_since_us < oldest->idle_since_us))
			oldest = last;
	}
	if (oldest)
		stop(fleet, oldest);
	return oldest;
}

/* True when one more environment may be started. Ends an idle one to keep the bound. */
static bool can_start(struct sci_fleet *fleet)
{
	return count_living(fleet) < fleet->options.max_environments || end_oldest_idle(fleet);
}

/* No environment could be started: answer the call with the error. */
static void fail_start(struct sci_fleet *fleet, struct sci_call *call, const struct sc_error *error)
{
	const char *type =
		error->code == SC_E_INVAL ? "Runtime.InvalidEntrypoint" : "Runtime.Unknown";
	char line[SCI_LOG_LINE_BYTES];

	int len = snprintf(line, sizeof line, "RequestId: %s Error: %s\n", call->request_id,
		error->message);
	sci_output_write(fleet->options.output, line, (size_t)len);
	sci_call_fail(call, "error", type, "RequestId: %s Error: %s", call->request_id,
		error->message);
	call->function->figures.errors++;
	sci_call_finish(call);
}

static void start_now(struct sci_fleet *fleet, struct sci_call *call)
{
	struct sci_environment_options options = {
		.base = fleet->options.base,
		.function = call->function,
		.output = fleet->options.output,
		.isolation = fleet->options.isolation,
		.events = &fleet->events,
		.strict_shutdown = fleet->options.strict_shutdown,
		.freeze = fleet->options.freeze,
		.lifetime = sci_draw_lifetime(&fleet->draws, &call->function->lifetimes),
	};
	struct sci_environment *environment;
	struct sc_error error;

	call->function->figures.invocations++;
	call->function->figures.cold_starts++;
	if (sci_environment_start(&options, call, &environment, &error) < 0) {
		fail_start(fleet, call, &error);
		return;
	}
	TAILQ_INSERT_TAIL(&fleet->all, environment, all);
}

/* Take the call that is to get the next environment; NULL: none. */
static struct sci_call *take_starting(struct sci_fleet *fleet)
{
	struct sci_call *call = TAILQ_FIRST(&fleet->starting);

	if (call) {
		TAILQ_REMOVE(&fleet->starting, call, waiting);
		fleet->starting_count--;
	}
	return call;
}

/* Have on_start() called in the next round of the loop. Returns false without memory. */
static bool start_soon(struct sci_fleet *fleet)
{
	return sci_timer_start(fleet->start, 0) == 0;
}

/* Start an environment for the call, in one of the next rounds of the loop. */
static void start(struct sci_fleet *fleet, struct sci_call *call)
{
	if (!start_soon(fleet)) {
		start_now(fleet, call);
		return;
	}
	TAILQ_INSERT_TAIL(&fleet->starting, call, waiting);
	fleet->starting_count++;
}

/* ---- Calls. ---- */

static bool assign_idle(struct sci_fleet *fleet, struct sci_call *call)
{
	struct environment_list *idle = &pool_of(fleet, call->function)->idle;
	const char *watched = call->function->watched;
	struct sci_environment *environment;
	uint64_t stamp = watched && !TAILQ_EMPTY(idle) ? sci_code_stamp(watched) : 0;

	while ((environment = TAILQ_FIRST(idle))) {
		leave_idle(fleet, environment);
		if (watched && environment->code_stamp != stamp)
			sci_environment_stop(environment);
		else if (sci_environment_assign(environment, call))
			return true;
	}
	return false;
}

/* How many environments of the function have answered and are not idle yet. */
static size_t count_settling(const struct sci_fleet *fleet, const struct sci_deployment *function)
{
	const struct sci_environment *environment;
	size_t settling = 0;

	TAILQ_FOREACH(environment, &fleet->all, all)
		settling += environment->function == function &&
			environment->state == SCI_ENVIRONMENT_ANSWERED;
	return settling;
}

/* How many callers of the function have waited SETTLE_MS, and still wait: for an environment of
 * the function, or until another may be started. */
static size_t count_overdue(const struct sci_fleet *fleet, const struct sci_deployment *function)
{
	const struct sci_call *call;
	size_t overdue = 0;

	for (call = TAILQ_FIRST(&fleet->waiting); call && !call->is_event;
		call = TAILQ_NEXT(call, waiting))
		overdue += call->function == function && !call->settle_timer;
	return overdue;
}

/* True when more environments are settling than calls before this one wait for. */
static bool is_settling(const struct sci_fleet *fleet, const struct sci_call *call)
{
	const struct pool *pool = pool_of(fleet, call->function);
	size_t before = count_overdue(fleet, call->function) + pool->settle_calls -
		(call->is_event ? 0 : pool->settle_events);

	return count_settling(fleet, call->function) > before;
}

static struct sci_call *first_event(const struct sci_fleet *fleet)
{
	struct sci_call *call;

	TAILQ_FOREACH(call, &fleet->waiting, waiting)
		if (call->is_event)
			return call;
	return NULL;
}

static void enter_queue(struct sci_fleet *fleet, struct sci_call *call)
{
	struct sci_call *event = call->is_event ? NULL : first_event(fleet);

	if (event)
		TAILQ_INSERT_BEFORE(event, call, waiting);
	else
		TAILQ_INSERT_TAIL(&fleet->waiting, call, waiting);
	if (call->is_event) {
		fleet->event_count++;
		fleet->event_bytes += call->event->buffer.len;
	}
	call->queue = fleet;
}

/* The call no longer waits for one to settle: it starts another as soon as it may. */
static void stop_settling(struct sci_fleet *fleet, struct sci_call *call)
{
	event_free(call->settle_timer);
	call->settle_timer = NULL;
	pool_of(fleet, call->function)->settle_calls--;
	pool_of(fleet, call->function)->settle_events -= call->is_event;
}

static void leave_queue(struct sci_fleet *fleet, struct sci_call *call)
{
	TAILQ_REMOVE(&fleet->waiting, call, waiting);
	if (call->is_event) {
		fleet->event_count--;
		fleet->event_bytes -= call->event->buffer.len;
	}
	if (call->settle_timer)
		stop_settling(fleet, call);
}

/* The oldest call that waits for an environment to settle, of functions where more calls wait than
 * environments can become idle. */
static struct sci_call *first_unmatched(const struct sci_fleet *fleet)
{
	struct sci_call *call;

	TAILQ_FOREACH(call, &fleet->waiting, waiting)
		if (call->settle_timer &&
			count_settling(fleet, call->function) <
				pool_of(fleet, call->function)->settle_calls)
			return call;
	return NULL;
}

/* An environment that had answered has ended: calls that waited for it get a new one now. */
static void start_unmatched(struct sci_fleet *fleet)
{
	struct sci_call *call;

	while (!fleet->stopping && (call = first_unmatched(fleet)) && can_start(fleet)) {
		leave_queue(fleet, call);
		start(fleet, call);
	}
}

/* The first call that does not wait for an environment to settle. */
static struct sci_call *first_startable(const struct sci_fleet *fleet)
{
	struct sci_call *call;

	TAILQ_FOREACH(call, &fleet->waiting, waiting)
		if (!call->settle_timer)
			return call;
	return NULL;
}

/* Start environments for waiting calls whose callers wait, as far as the maximum allows. They come
 * before a new call: an environment that began to end may have left the count since. */
static void start_callers(struct sci_fleet *fleet)
{
	struct sci_call *call;

	while ((call = first_startable(fleet)) && !call->is_event && can_start(fleet)) {
		leave_queue(fleet, call);
		start(fleet, call);
	}
}

/* Start environments for waiting calls, up to the maximum. */
static void start_waiting(struct sci_fleet *fleet)
{
	struct sci_call *call;

	while (!fleet->stopping && (call = first_startable(fleet)) && can_start(fleet)) {
		leave_queue(fleet, call);
		start(fleet, call);
	}
}

/* No environment has become idle for the call within SETTLE_MS. */
static void on_settle_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct sci_call *call = arg;
	struct sci_fleet *fleet = call->queue;

	(void)fd;
	(void)what;
	stop_settling(fleet, call);
	start_waiting(fleet);
}

static bool is_queue_full(const struct sci_fleet *fleet)
{
	return fleet->event_count >= EVENTS_MAX || fleet->event_bytes >= EVENTS_BYTES_MAX;
}

/* Let the call wait for an environment to settle. Returns false without memory. */
static bool wait_for_settling(struct sci_fleet *fleet, struct sci_call *call)
{
	call->settle_timer = evtimer_new(fleet->options.base, on_settle_timeout, call);
	if (!call->settle_timer || sci_timer_start(call->settle_timer, SETTLE_MS) < 0)
		return false;
	pool_of(fleet, call->function)->settle_calls++;
	pool_of(fleet, call->function)->settle_events += call->is_event;
	enter_queue(fleet, call);
	return true;
}

/* Lambda's answer to the caller does not say what to do, so the log does. */
static void log_throttled(struct sci_fleet *fleet, const struct sci_call *call)
{
	char line[SCI_LOG_LINE_BYTES], waiting[96] = "";

	if (call->is_event)
		snprintf(waiting, sizeof waiting, ", and %zu events of %zu MiB wait already",
			fleet->event_count, fleet->event_bytes / 1024 / 1024);
	int len = snprintf(line, sizeof line,
		"RequestId: %s Error: TooManyRequestsException: %s was not invoked: as many "
		"environments as are allowed (%zu) are in use%s; --max-environments allows more\n",
		call->request_id, call->function->name, fleet->options.max_environments, waiting);
	sci_output_write(fleet->options.output, line, (size_t)len);
}

enum sci_submitted sci_fleet_submit(struct sci_fleet *fleet, struct sci_call *call)
{
	const bool may_wait = !call->is_event || !is_queue_full(fleet);

	if (fleet->stopping)
		return SCI_SUBMITTED_STOPPING;
	if (assign_idle(fleet, call))
		return SCI_SUBMITTED;
	if (may_wait && is_settling(fleet, call))
		return wait_for_settling(fleet, call) ? SCI_SUBMITTED : SCI_SUBMITTED_NO_MEMORY;
	start_callers(fleet);
	if (can_start(fleet)) {
		start(fleet, call);
		return SCI_SUBMITTED;
	}
	if (!call->is_event || !may_wait) {
		call->function->figures.throttles++;
		log_throttled(fleet, call);
		return SCI_SUBMITTED_THROTTLED;
	}
	enter_queue(fleet, call);
	return SCI_SUBMITTED;
}

/* ---- Callbacks. ---- */

/* The first call that waits for an environment of the function. */
static struct sci_call *first_waiting(const struct sci_fleet *fleet,
	const struct sci_deployment *function)
{
	struct sci_call *call;

	TAILQ_FOREACH(call, &fleet->waiting, waiting)
		if (call->function == function)
			return call;
	return NULL;
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
	struct sci_fleet *fleet = arg;
	struct sci_call *call;

	(void)fd;
	(void)what;
	for (int i = 0; i < STARTS_AT_ONCE && (call = take_starting(fleet)); i++)
		start_now(fleet, call);
	/* Starts that failed no longer count. */
	start_waiting(fleet);
	while (!TAILQ_EMPTY(&fleet->starting) && !start_soon(fleet))
		start_now(fleet, take_starting(fleet));
}

static void on_idle(struct sci_environment *environment, void *arg)
{
	struct sci_fleet *fleet = arg;
	struct sci_call *call = first_waiting(fleet, environment->function);

	TAILQ_INSERT_HEAD(&pool_of(fleet, environment->function)->idle, environment, idle);
	if (!call) {
		start_waiting(fleet);
		return;
	}
	leave_queue(fleet, call);
	if (!assign_idle(fleet, call))
		start(fleet, call);
}

static void on_expired(struct sci_environment *environment, void *arg)
{
	leave_idle(arg, environment);
	sci_environment_recycle(environment);
}

static void report_empty(struct sci_fleet *fleet)
{
	if (!fleet->stopping || fleet->emptied || !TAILQ_EMPTY(&fleet->all))
		return;
	fleet->emptied = true;
	fleet->options.empty(fleet->options.arg);
}

static void on_ended(struct sci_environment *environment, void *arg)
{
	struct sci_fleet *fleet = arg;

	TAILQ_REMOVE(&fleet->all, environment, all);
	sci_environment_free(environment);
	start_unmatched(fleet);
	start_waiting(fleet);
	report_empty(fleet);
}

void sci_fleet_reap(struct sci_fleet *fleet)
{
	struct sci_environment *environment;
	struct sci_process_end end;

	while (sci_process_reap(&end)) {
		TAILQ_FOREACH(environment, &fleet->all, all)
			if (environment->process.keeper == end.pid)
				break;
		/* Orphans, and keepers whose start failed, belong to no environment. */
		if (!environment)
			continue;
		if (environment->state == SCI_ENVIRONMENT_IDLE)
			leave_idle(fleet, environment);
		sci_environment_exited(environment, &end);
	}
	start_unmatched(fleet);
}

/* ---- Open, stop, close. ---- */

int sci_fleet_open(const struct sci_fleet_options *options, struct sci_fleet **out)
{
	struct sci_fleet *fleet = calloc(1, sizeof *fleet);

	if (!fleet)
		return SC_E_NOMEM;
	fleet->options = *options;
	fleet->draws.state = options->seed;
	fleet->events = (struct sci_environment_events){ on_idle, on_expired, on_ended, fleet };
	TAILQ_INIT(&fleet->all);
	TAILQ_INIT(&fleet->waiting);
	TAILQ_INIT(&fleet->starting);
	fleet->start = evtimer_new(options->base, on_start, fleet);
	fleet->pools = calloc(options->function_count, sizeof *fleet->pools);
	if (!fleet->start || !fleet->pools) {
		sci_fleet_close(fleet);
		return SC_E_NOMEM;
	}
	for (size_t i = 0; i < options->function_count; i++)
		TAILQ_INIT(&fleet->pools[i].idle);
	*out = fleet;
	return 0;
}

static void fail_stopped(struct sci_call *call)
{
	sci_call_fail(call, "error", "Sandbox.Stopped",
		"RequestId: %s Error: the local Lambda was stopped before it began",
		call->request_id);
	sci_call_finish(call);
}

static void fail_waiting(struct sci_fleet *fleet)
{
	struct sci_call *call;

	while ((call = TAILQ_FIRST(&fleet->waiting))) {
		leave_queue(fleet, call);
		fail_stopped(call);
	}
	while ((call = take_starting(fleet)))
		fail_stopped(call);
}

void sci_fleet_stop(struct sci_fleet *fleet)
{
	struct sci_environment *environment;
	bool again = fleet->stopping;

	fleet->stopping = true;
	fail_waiting(fleet);
	TAILQ_FOREACH(environment, &fleet->all, all) {
		stop(fleet, environment);
		if (again)
			sci_environment_kill(environment);
	}
	report_empty(fleet);
}

void sci_fleet_close(struct sci_fleet *fleet)
{
	struct sci_environment *environment;

	if (!fleet)
		return;
	fleet->stopping = fleet->emptied = true;
	fail_waiting(fleet);
	while ((environment = TAILQ_FIRST(&fleet->all))) {
		TAILQ_REMOVE(&fleet->all, environment, all);
		sci_environment_kill(environment);
		sci_call_finish(environment->call);
		sci_environment_free(environment);
	}
	if (fleet->start)
		event_free(fleet->start);
	free(fleet->pools);
	free(fleet);
}

const struct sci_environment *sci_fleet_next(const struct sci_fleet *fleet,
	const struct sci_environment *environment)
{
	return environment ? TAILQ_NEXT(environment, all) : TAILQ_FIRST(&fleet->all);
}

const struct sci_fleet_options *sci_fleet_options_of(const struct sci_fleet *fleet)
{
	return &fleet->options;
}
