/* The clocks of the process, and cache time. */
#ifndef SCI_BASE_CLOCK_H
#define SCI_BASE_CLOCK_H

#include <stdint.h>

/* The three clocks, read together, in milliseconds. */
struct sci_clocks {
	int64_t real_ms, boot_ms, mono_ms;
};

struct sci_clocks sci_clocks_read(void);

/* CLOCK_MONOTONIC in milliseconds. */
int64_t sci_mono_ms(void);

/* CLOCK_REALTIME in milliseconds since the epoch. */
int64_t sci_real_ms(void);

/* How long the process stood still between two readings without CLOCK_MONOTONIC counting it:
 * max(d_real, d_boot, d_mono) - d_mono, never negative. A wall clock that was stepped back is
 * ignored. Evidence about which clock goes on in a frozen execution environment conflicts, so the
 * one that saw most time pass is believed. */
int64_t sci_clocks_gap_ms(const struct sci_clocks *before, const struct sci_clocks *after);

#endif
