/* Percentiles against the definition: sort, and take the one of that rank. */
#include "support/cmocka.h"

#include "invoke/histogram.h"

#include <math.h>
#include <string.h>

#define SAMPLES 20000

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void assert_near(uint64_t got, uint64_t expected)
{
	double off = fabs((double)got - (double)expected);

	if (off > (double)expected / 250)
		fail_msg("%llu is not within 0.4 %% of %llu", (unsigned long long)got,
			(unsigned long long)expected);
}

/* Fill both with durations whose logarithm is uniform, up to 2^max_log2 ns. */
static void compare(uint64_t seed, unsigned max_log2)
{
	static const double percents[] = { 0, 0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100 };
	static uint64_t sorted[SAMPLES];
	static struct sci_histogram histogram;

	memset(&histogram, 0, sizeof histogram);
	for (size_t i = 0; i < SAMPLES; i++) {
		unsigned bits = (unsigned)(random_next(&seed) % max_log2) + 1;
		sorted[i] = random_next(&seed) >> (64 - bits);
		sci_histogram_record(&histogram, sorted[i]);
	}
	qsort(sorted, SAMPLES, sizeof sorted[0], by_size);
	for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
		double rank = ceil(percents[i] / 100 * SAMPLES);
		uint64_t expected = sorted[rank < 1 ? 0 : (size_t)rank - 1];
		assert_near(sci_histogram_percentile_ns(&histogram, percents[i]), expected);
	}
	assert_int_equal(sci_histogram_percentile_ns(&histogram, 0), sorted[0]);
	assert_int_equal(sci_histogram_percentile_ns(&histogram, 100), sorted[SAMPLES - 1]);
	assert_int_equal(histogram.min_ns, sorted[0]);
	assert_int_equal(histogram.max_ns, sorted[SAMPLES - 1]);
	assert_int_equal(histogram.count, SAMPLES);
}

static void percentiles_are_those_of_the_samples(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		compare(seed * 0x9E3779B97F4A7C15u, 1 + (unsigned)seed * 2);
}

/* Each duration alone is its own percentile to the nanosecond: min and max bound the bucket. */
static void one_sample_is_exact(void **state)
{
	static struct sci_histogram histogram;

	(void)state;
	for (unsigned shift = 0; shift < SCI_HISTOGRAM_MAX_LOG2; shift++) {
		for (int offset = -1; offset <= 1; offset++) {
			uint64_t ns = (UINT64_C(1) << shift) + (uint64_t)(int64_t)offset;
			memset(&histogram, 0, sizeof histogram);
			sci_histogram_record(&histogram, ns);
			assert_int_equal(sci_histogram_percentile_ns(&histogram, 50), ns);
		}
	}
}

/* The middle of three, whose neighbours do not bound it, shows the bucket's own error at its
 * edges. */
static void buckets_meet_without_a_gap(void **state)
{
	static struct sci_histogram histogram;

	(void)state;
	for (unsigned shift = 1; shift < SCI_HISTOGRAM_MAX_LOG2 - 1; shift++) {
		for (int offset = -1; offset <= 1; offset++) {
			uint64_t ns = (UINT64_C(1) << shift) + (uint64_t)(int64_t)offset;
			memset(&histogram, 0, sizeof histogram);
			sci_histogram_record(&histogram, 0);
			sci_histogram_record(&histogram, ns);
			sci_histogram_record(&histogram, UINT64_MAX);
			assert_near(sci_histogram_percentile_ns(&histogram, 50), ns);
		}
	}
}

/* The one that is slow among a thousand is the maximum and not yet the 99.9th percentile. */
static void ranks_are_exact(void **state)
{
	static struct sci_histogram histogram;

	(void)state;
	memset(&histogram, 0, sizeof histogram);
	for (int i = 0; i < 999; i++)
		sci_histogram_record(&histogram, 100);
	sci_histogram_record(&histogram, 1000000);
	assert_int_equal(sci_histogram_percentile_ns(&histogram, 99.9), 100);
	assert_int_equal(sci_histogram_percentile_ns(&histogram, 99.91), 1000000);
	for (int i = 0; i < 9; i++)
		sci_histogram_record(&histogram, 1000000);
	assert_int_equal(sci_histogram_percentile_ns(&histogram, 99), 100);
	assert_int_equal(sci_histogram_percentile_ns(&histogram, 99.9), 1000000);
}

static void empty_and_extreme(void **state)
{
	static struct sci_histogram histogram;

	(void)state;
	memset(&histogram, 0, sizeof histogram);
	assert_int_equal(sci_histogram_percentile_ns(&histogram, 50), 0);
	sci_histogram_record(&histogram, UINT64_MAX);
	assert_int_equal(histogram.max_ns, (UINT64_C(1) << SCI_HISTOGRAM_MAX_LOG2) - 1);
	sci_histogram_record(&histogram, 0);
	assert_int_equal(sci_histogram_percentile_ns(&histogram, -5), 0);
	assert_int_equal(sci_histogram_percentile_ns(&histogram, (double)NAN), 0);
	assert_int_equal(sci_histogram_percentile_ns(&histogram, 500), histogram.max_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_those_of_the_samples),
		cmocka_unit_test(one_sample_is_exact),
		cmocka_unit_test(buckets_meet_without_a_gap),
		cmocka_unit_test(ranks_are_exact),
		cmocka_unit_test(empty_and_extreme),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
