/* Timers of the event loop. Starting one needs memory, so that it can fail: whoever starts a timer
 * decides what happens without it, for a limit that never comes is a call that hangs. */
#ifndef SCI_LOCAL_TIMER_H
#define SCI_LOCAL_TIMER_H

#include <scopecache/error.h>

#include <event2/event.h>

#include <stdint.h>
#include <sys/time.h>

/* Let the timer fire once, `ms` from now, and not when it was to fire before.
 *
 * returns  0; SC_E_NOMEM: a timer that was not running will not fire. */
static inline int sci_timer_start(struct event *timer, int64_t ms)
	__attribute__((warn_unused_result));

static inline int sci_timer_start(struct event *timer, int64_t ms)
{
	struct timeval delay = { .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	return event_add(timer, &delay) == 0 ? 0 : SC_E_NOMEM;
}

#endif
