/* Cache time: the milliseconds that entries age by, the time in which the process stood still
 * included. One for the whole process. */
#ifndef SCI_CACHE_CACHE_TIME_H
#define SCI_CACHE_CACHE_TIME_H

#include <stdint.h>

/* Cache time now, for this thread: in an invocation as of its last update, otherwise read from the
 * clock. Any thread; takes no lock. */
int64_t sci_cache_time_ms(void);

/* The same for lookups, of which there are many: outside an invocation as of the kernel's last
 * tick. May take the lock of cache time, when the clocks have parted. */
int64_t sci_cache_time_coarse_ms(void);

/* When the invocation on this thread must be over, on CLOCK_MONOTONIC; INT64_MAX when there is
 * none. */
int64_t sci_invocation_deadline_mono_ms(void);

/* Time begins to matter: from now on no freeze is missed. May be called again. */
void sci_cache_time_start(void);

/* In an invocation, bring the time of this thread up to date; it never goes back. Outside one the
 * clock is read anyway. */
void sci_cache_time_advance(void);

/* An invocation begins or ends on this thread. */
void sci_cache_time_begin(int64_t remaining_ms);
void sci_cache_time_end(void);

#endif
