/* A histogram of durations, of fixed size, whose percentiles are exact to half a per cent. */
#ifndef SCI_INVOKE_HISTOGRAM_H
#define SCI_INVOKE_HISTOGRAM_H

#include <stdint.h>

/* A power of two is split into this many buckets; below it every nanosecond has its own. */
#define SCI_HISTOGRAM_STEPS_LOG2 7
#define SCI_HISTOGRAM_STEPS      (1u << SCI_HISTOGRAM_STEPS_LOG2)

/* Durations from 0 to 2^42 ns, which is over an hour; a longer one counts as that long. */
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

/* The shortest duration that `percent` of the recorded ones do not exceed (0: the shortest, 100:
 * the longest; both exact). What lies between is within 0.4 % of a duration that was recorded. 0
 * when nothing was. */
uint64_t sci_histogram_percentile_ns(const struct sci_histogram *histogram, double percent);

#endif
