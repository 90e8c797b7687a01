/* A histogram of durations, of fixed size, whose percentiles are exact to half a per cent. */
#ifndef SCI_INVOKE_HISTOGRAM_H
#define SCI_INVOKE_HISTOGRAM_H

#include <stdint.h>

/* A power of two is split into this many buckets; below it every nanosecond has its own. */
#define SCI_HISTOGRAM_STEPS_LOG2 7
#define SCI_HISTOGRAM_STEPS      (1u << SCI_HISTOGRAM_STEPS_LOG2)

/* Durations from 0 to 2^42 ns, more than an hour; a longer one counts as 2^42 ns. */
#define SCI_HISTOGRAM_MAX_LOG2 42
#define SCI_HISTOGRAM_BUCKETS                                                                      \
	((SCI_HISTOGRAM_MAX_LOG2 - SCI_HISTOGRAM_STEPS_LOG2 + 1) * SCI_HISTOGRAM_STEPS)

/* All zero is an empty histogram. */
struct sci_histogram {
	uint64_t count;
	uint64_t min_ns, max_ns;
	uint64_t buckets[SCI_HISTOGRAM_BUCKETS];
};

void sci_histogram_record(struct sci_histogram *histogram, uint64_t ns);

/* The shortest duration that `percent` of the recorded ones do not exceed. 0 % is the shortest and
 * 100 % the longest, both exact; the others are within 0.4 % of a recorded duration. Returns 0 for
 * an empty histogram. */
uint64_t sci_histogram_percentile_ns(const struct sci_histogram *histogram, double percent);

#endif
