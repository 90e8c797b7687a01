/* expiry_clock.h - the time that entries expire by: time since boot, which goes on while the process is frozen.
 *
 * Reading that clock costs several times a lookup. So the coarse wall clock is read, and its distance from the
 * last full reading is added; when that is a second or more, or negative, the full clock is read again. */
#ifndef SCOPECACHE_PYTHON_CLOCK_H
#define SCOPECACHE_PYTHON_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

static inline int64_t clock_read(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static inline int64_t clock_now_ns(void)
{
	static int64_t last_wall, last_boot;
	int64_t wall = clock_read(CLOCK_REALTIME_COARSE);
	int64_t since = wall - last_wall;
	if (since < 0 || since >= NS_PER_S) {
		last_boot = clock_read(CLOCK_BOOTTIME);
		last_wall = wall;
		since = 0;
	}
	return last_boot + since;
}

#endif
