/* expiry_clock.c - the time by which entries expire.
 *
 * Systems differ in which clocks advance while a process is frozen, so the elapsed time is the
 * largest that any of three clocks measured, as in the C library. To read all three takes several
 * times as long as a hit. A hit therefore reads only the coarse wall clock, and adds its advance to
 * the last reading of all; all are read again when it has advanced by a second or more, as after a
 * freeze, or was set back. */
#include "expiry_clock.h"

struct expiry_clock expiry_clock;

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t clock_read_all_ns(int64_t coarse_ns)
{
	struct expiry_clock *last = &expiry_clock;
	int64_t real_ns = clock_read_ns(CLOCK_REALTIME);
	int64_t boot_ns = clock_read_ns(CLOCK_BOOTTIME);
	int64_t mono_ns = clock_read_ns(CLOCK_MONOTONIC);
	int64_t passed_ns = later(boot_ns - last->boot_ns, mono_ns - last->mono_ns);
	int64_t time_ns = last->time_ns + later(passed_ns, later(real_ns - last->real_ns, 0));
	*last = (struct expiry_clock){ coarse_ns, coarse_ns, time_ns, real_ns, boot_ns, mono_ns };
	return time_ns;
}
