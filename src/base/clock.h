/* The clocks of the process, and cache time. */
#ifndef SCI_BASE_CLOCK_H
#define SCI_BASE_CLOCK_H

#include <stdint.h>

/* The three clocks, read together, in milliseconds. */
struct sci_clocks {
	int64_t real_ms, boot_ms, mono_ms;
};

struct sci_clocks sci_clocks_read(void);

/* Two clocks as of the kernel's last tick, a few milliseconds ago, in milliseconds. Reading them
 * takes a fifth of the time; both are of the same tick unless one came between. */
struct sci_coarse_clocks {
	int64_t real_ms, mono_ms;
};

struct sci_coarse_clocks sci_clocks_read_coarse(void);

/* CLOCK_MONOTONIC in milliseconds. */
int64_t sci_mono_ms(void);

/* The same in microseconds, and in nanoseconds. */
int64_t sci_mono_us(void);
uint64_t sci_mono_ns(void);

/* CLOCK_REALTIME in milliseconds since the epoch. */
int64_t sci_real_ms(void);

/* The time between two readings in milliseconds, never negative: the largest difference of the
 * three clocks. Evidence conflicts about which clock runs in a frozen execution environment, so
 * no single one is trusted. A wall clock that was set back is ignored. */
int64_t sci_clocks_elapsed_ms(const struct sci_clocks *before, const struct sci_clocks *after);

/* CLOCK_BOOTTIME in milliseconds. */
int64_t sci_boot_ms(void);

#endif
