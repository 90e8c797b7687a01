/* CLOCK_REALTIME can be set, CLOCK_MONOTONIC may stand still while the process is frozen,
 * CLOCK_BOOTTIME should not. */
#include "base/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t clock)
{
	struct timespec now = { 0 };

	/* Cannot fail for the clocks used here. */
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct sci_clocks sci_clocks_read(void)
{
	return (struct sci_clocks){
		.real_ms = read_ms(CLOCK_REALTIME),
		.boot_ms = read_ms(CLOCK_BOOTTIME),
		.mono_ms = read_ms(CLOCK_MONOTONIC),
	};
}

struct sci_coarse_clocks sci_clocks_read_coarse(void)
{
	return (struct sci_coarse_clocks){
		.real_ms = read_ms(CLOCK_REALTIME_COARSE),
		.mono_ms = read_ms(CLOCK_MONOTONIC_COARSE),
	};
}

int64_t sci_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t sci_mono_us(void)
{
	return (int64_t)(sci_mono_ns() / 1000);
}

uint64_t sci_mono_ns(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int64_t sci_real_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t sci_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

int64_t sci_clocks_elapsed_ms(const struct sci_clocks *before, const struct sci_clocks *after)
{
	int64_t real = after->real_ms - before->real_ms;
	int64_t boot = after->boot_ms - before->boot_ms;
	int64_t mono = after->mono_ms - before->mono_ms;
	int64_t most = 0;

	if (real > most)
		most = real;
	if (boot > most)
		most = boot;
	if (mono > most)
		most = mono;
	return most;
}
