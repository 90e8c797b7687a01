/* Log-linear buckets: a duration's bucket is its highest bit and the seven bits after it, so each
 * bucket is at most 1/128 of its durations wide, and its middle at most 1/256 away from any of
 * them. Nothing is allocated, and recording is a shift and an increment, so measuring costs no more
 * than reading the clock. */
#include "invoke/histogram.h"

#include <stddef.h>

static size_t bucket_of(uint64_t ns)
{
	if (ns < SCI_HISTOGRAM_STEPS)
		return ns;

	unsigned log2 = 63u - (unsigned)__builtin_clzll(ns);
	unsigned shift = log2 - SCI_HISTOGRAM_STEPS_LOG2;
	/* ns >> shift is in [STEPS, 2 * STEPS): its leading 1 skips the row of the next lower
	 * power. */
	return (size_t)shift * SCI_HISTOGRAM_STEPS + (ns >> shift);
}

static uint64_t middle_of(size_t bucket)
{
	if (bucket < 2 * SCI_HISTOGRAM_STEPS)
		return bucket;

	unsigned shift = (unsigned)(bucket / SCI_HISTOGRAM_STEPS) - 1;
	uint64_t low = (bucket % SCI_HISTOGRAM_STEPS + SCI_HISTOGRAM_STEPS) << shift;
	return low + (UINT64_C(1) << shift) / 2;
}

void sci_histogram_record(struct sci_histogram *histogram, uint64_t ns)
{
	const uint64_t most = (UINT64_C(1) << SCI_HISTOGRAM_MAX_LOG2) - 1;

	if (ns > most)
		ns = most;
	if (histogram->count == 0 || ns < histogram->min_ns)
		histogram->min_ns = ns;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->count++;
	histogram->buckets[bucket_of(ns)]++;
}

uint64_t sci_histogram_percentile_ns(const struct sci_histogram *histogram, double percent)
{
	if (histogram->count == 0)
		return 0;
	/* This condition treats NaN as 0 %. */
	double share = percent > 0 ? (percent < 100 ? percent / 100 : 1) : 0;
	/* Subtract a little: 0.999 is no exact double, and 99.9 % of 1000 must be rank 999. */
	double exact = share * (double)histogram->count * (1 - 1e-12);
	uint64_t rank = (uint64_t)exact;

	if ((double)rank < exact)
		rank++;
	if (rank <= 1)
		return histogram->min_ns;
	if (rank >= histogram->count)
		return histogram->max_ns;

	uint64_t seen = 0;
	size_t bucket = 0;
	while (bucket < SCI_HISTOGRAM_BUCKETS - 1) {
		seen += histogram->buckets[bucket];
		if (seen >= rank)
			break;
		bucket++;
	}
	uint64_t ns = middle_of(bucket);
	if (ns < histogram->min_ns)
		return histogram->min_ns;
	return ns > histogram->max_ns ? histogram->max_ns : ns;
}
