/* Cache time: the milliseconds by which entries age, time frozen included; one for the process. */
#ifndef SCI_CACHE_CACHE_TIME_H
#define SCI_CACHE_CACHE_TIME_H

#include <stdint.h>

/* Cache time now, for this thread: in an invocation as of its last update, else from the clock.
 * Any thread; takes no lock. */
int64_t sci_cache_time_ms(void);

/* The same for lookups: outside an invocation as of the kernel's last tick. May take the lock of
 * cache time. */
int64_t sci_cache_time_coarse_ms(void);

/* The deadline of the invocation on this thread, on CLOCK_MONOTONIC; INT64_MAX if there is none. */
int64_t sci_invocation_deadline_mono_ms(void);

/* Start to watch for freezes. May be called again. */
void sci_cache_time_start(void);

/* In an invocation, update this thread's time, which never goes back. Outside one it is read
 * anyway. */
void sci_cache_time_advance(void);

/* What is known of this thread's invocation, to be restored later or on another thread. */
#define SCI_INVOCATION_WORDS 3
void sci_cache_time_capture(uint64_t words[SCI_INVOCATION_WORDS]);
void sci_cache_time_restore(const uint64_t words[SCI_INVOCATION_WORDS]);

/* An invocation begins or ends on this thread. */
void sci_cache_time_begin(int64_t remaining_ms);
void sci_cache_time_end(void);

#endif
