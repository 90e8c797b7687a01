/* Durations as libevent takes them. */
#ifndef SCI_LOCAL_TIMEVAL_H
#define SCI_LOCAL_TIMEVAL_H

#include <stdint.h>
#include <sys/time.h>

static inline struct timeval sci_timeval_ms(int64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

#endif
