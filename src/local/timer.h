/* Timers of the event loop. Starting one needs memory, so it can fail. Each caller must handle
 * that: without the timer of a time limit a call would hang. */
#ifndef SCI_LOCAL_TIMER_H
#define SCI_LOCAL_TIMER_H

#include <scopecache/error.h>

#include <event2/event.h>

#include <stdint.h>
#include <sys/time.h>

/* Let the timer fire once, `ms` from now; an earlier setting is replaced.
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
