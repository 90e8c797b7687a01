/* Lambda freezes an environment at the end of an invocation, until the next one: what the function
 * does beside its handler stops meanwhile. Here its processes are stopped and continued by
 * signals. The keeper is not, so that the environment can be ended. The freeze comes
 * FREEZE_AFTER_MS later: a caller that sends one call after the other would else wait for two more
 * signals each time.
 *
 * In Lambda an environment ends when it has been idle for some minutes, and after some hours in
 * any case, between two invocations. The timer of the environment, which has nothing else to do
 * while it is idle, fires at the next of these times. */
#include "local/environment_idle.h"

#include "base/clock.h"
#include "local/environment_log.h"
#include "local/environment_state.h"
#include "local/timer.h"

#include <signal.h>
#include <stdio.h>

#define FREEZE_AFTER_MS 5

/* The loop's clock may be so far behind, and the timer so early. */
#define COARSE_MS 10

static int64_t idle_ms(const struct sci_environment *environment)
{
	return (sci_mono_us() - environment->idle_since_us) / 1000;
}

static int64_t age_ms(const struct sci_environment *environment)
{
	return (sci_mono_us() - environment->started_us) / 1000;
}

static bool is_due(int64_t limit_ms, int64_t passed_ms)
{
	return limit_ms > 0 && passed_ms + COARSE_MS >= limit_ms;
}

bool sci_environment_is_too_old(const struct sci_environment *environment)
{
	return is_due(environment->lifetime.age_ms, age_ms(environment));
}

/* The earlier of *ms and the end of a limit. */
static void consider(int64_t *ms, int64_t limit_ms, int64_t passed_ms)
{
	int64_t left_ms = limit_ms - passed_ms;

	if (limit_ms > 0 && (*ms < 0 || left_ms < *ms))
		*ms = left_ms > 0 ? left_ms : 0;
}

void sci_environment_idle_begin(struct sci_environment *environment)
{
	int64_t ms = -1;

	if (environment->freezes && !environment->frozen)
		consider(&ms, FREEZE_AFTER_MS, idle_ms(environment));
	consider(&ms, environment->lifetime.idle_ms, idle_ms(environment));
	consider(&ms, environment->lifetime.age_ms, age_ms(environment));
	if (ms < 0)
		return;
	int rc = sci_timer_start(environment->timer, ms);
	/* Without memory it stays idle for longer. */
	(void)rc;
}

static void freeze(struct sci_environment *environment)
{
	sci_process_signal(&environment->process, SIGSTOP);
	environment->frozen = true;
}

void sci_environment_thaw(struct sci_environment *environment)
{
	if (environment->frozen)
		sci_process_signal(&environment->process, SIGCONT);
	environment->frozen = false;
}

void sci_environment_idle_continue(struct sci_environment *environment)
{
	if (is_due(environment->lifetime.idle_ms, idle_ms(environment)) ||
		sci_environment_is_too_old(environment)) {
		environment->events->expired(environment, environment->events->arg);
		return;
	}
	if (environment->freezes && !environment->frozen)
		freeze(environment);
	sci_environment_idle_begin(environment);
}

void sci_environment_idle_end(struct sci_environment *environment)
{
	event_del(environment->timer);
	sci_environment_thaw(environment);
}

void sci_environment_log_recycled(struct sci_environment *environment)
{
	bool is_old = sci_environment_is_too_old(environment);
	char line[256];

	snprintf(line, sizeof line,
		"scopecache local: function %s: an environment is recycled, which %s %.3f seconds",
		environment->function->name, is_old ? "has the age of" : "was idle for",
		(double)(is_old ? age_ms(environment) : idle_ms(environment)) / 1000.0);
	sci_environment_log_text(environment, line);
}
