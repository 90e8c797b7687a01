/* Time as this room measures it: CLOCK_MONOTONIC in microseconds. */
#ifndef SCI_LOCAL_MICROTIME_H
#define SCI_LOCAL_MICROTIME_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

static inline int64_t sci_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline struct timeval sci_timeval_ms(int64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

#endif
