/* The axes of a plot: the positions of values, and the ticks with their labels. */
#ifndef SCI_REPLAY_CURVE_AXIS_H
#define SCI_REPLAY_CURVE_AXIS_H

#include <stdbool.h>
#include <stdint.h>

#define SCI_TICKS_MAX        12
#define SCI_TICK_LABEL_BYTES 32

struct sci_tick {
	double value;
	char label[SCI_TICK_LABEL_BYTES];
};

/* From `low` to `high` over `length` pixels. `low` and `high` of a `logarithmic` axis are above
 * 0. */
struct sci_axis {
	double low, high, length;
	bool logarithmic;
	unsigned tick_count;
	struct sci_tick ticks[SCI_TICKS_MAX];
};

/* A logarithmic axis of sizes, in entries or in bytes, that has both ends on it. */
void sci_axis_of_sizes(struct sci_axis *axis, uint64_t low, uint64_t high, bool bytes,
	double length);

/* An axis of shares, labelled in per cent, from 0 to at least `most` and at most 1. */
void sci_axis_of_shares(struct sci_axis *axis, double most, double length);

/* Pixels from the low end. */
double sci_axis_at(const struct sci_axis *axis, double value);

/* A size in few characters: 20k, 64 KiB; one that is not round in full. Returns `label`. */
const char *sci_axis_size_label(char label[SCI_TICK_LABEL_BYTES], uint64_t size, bool bytes);

#endif
