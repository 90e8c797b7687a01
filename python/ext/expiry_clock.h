/* expiry_clock.h - the time by which entries expire; it advances while the process is frozen. */
#ifndef SCOPECACHE_PYTHON_EXPIRY_CLOCK_H
#define SCOPECACHE_PYTHON_EXPIRY_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

/* The last reading of all clocks. Guarded by the interpreter's lock. */
struct expiry_clock {
	int64_t coarse_ns; /* CLOCK_REALTIME_COARSE then, */
	int64_t latest_ns; /* and when it was read last */
	int64_t time_ns;   /* the time then */
	int64_t real_ns, boot_ns, mono_ns;
};

extern struct expiry_clock expiry_clock;

static inline int64_t clock_read_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Read all clocks, after `coarse_ns` was read. */
int64_t clock_read_all_ns(int64_t coarse_ns);

/* Read all clocks now. */
static inline void clock_update(void)
{
	clock_read_all_ns(clock_read_ns(CLOCK_REALTIME_COARSE));
}

/* Let the time be later than the clocks say, in tests. */
static inline void clock_advance(int64_t ns)
{
	clock_update();
	expiry_clock.time_ns += ns;
}

/* The time now, in nanoseconds since an arbitrary moment; late by up to a tick, 1 to 10 ms. */
static inline int64_t clock_now_ns(void)
{
	int64_t coarse_ns = clock_read_ns(CLOCK_REALTIME_COARSE);
	int64_t since_ns = coarse_ns - expiry_clock.coarse_ns;
	if (coarse_ns >= expiry_clock.latest_ns && since_ns < NS_PER_S) {
		expiry_clock.latest_ns = coarse_ns;
		return expiry_clock.time_ns + since_ns;
	}
	return clock_read_all_ns(coarse_ns);
}

#endif
