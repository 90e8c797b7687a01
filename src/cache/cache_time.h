/* Cache time: the milliseconds by which entries age, including time in which the process was
 * frozen. The process has one. */
#ifndef SCI_CACHE_CACHE_TIME_H
#define SCI_CACHE_CACHE_TIME_H

#include <stdint.h>

/* Cache time of this thread: during an invocation as of its last update, otherwise read from the
 * clock. Any thread; takes no lock. */
int64_t sci_cache_time_ms(void);

/* The same, cheaper, for lookups: outside an invocation as of the kernel's last tick. Takes the
 * lock of cache time when the clocks have drifted apart. */
int64_t sci_cache_time_coarse_ms(void);

/* The deadline of the invocation on this thread, on CLOCK_MONOTONIC; INT64_MAX when there is no
 * invocation. */
int64_t sci_invocation_deadline_mono_ms(void);

/* Start cache time: every later freeze is counted. Idempotent. */
void sci_cache_time_start(void);

/* During an invocation, update the time of this thread, which never decreases. No effect outside
 * an invocation, where each call reads the clock. */
void sci_cache_time_advance(void);

/* An invocation begins or ends on this thread. */
void sci_cache_time_begin(int64_t remaining_ms);
void sci_cache_time_end(void);

#endif
