/* The ticks of an axis, and their positions. */
#include "support/cmocka.h"

#include "replay/curve_axis.h"

#include <stdio.h>
#include <string.h>

static void assert_labels(const struct sci_axis *axis, const char *expected)
{
	char labels[SCI_TICKS_MAX * SCI_TICK_LABEL_BYTES] = "";

	for (unsigned i = 0; i < axis->tick_count; i++) {
		size_t len = strlen(labels);
		snprintf(labels + len, sizeof labels - len, "%s%s", i ? " | " : "",
			axis->ticks[i].label);
		double at = sci_axis_at(axis, axis->ticks[i].value);
		assert_true(at >= -1e-9 && at <= axis->length + 1e-9);
	}
	assert_string_equal(labels, expected);
}

static void assert_sizes(uint64_t low, uint64_t high, bool bytes, const char *expected)
{
	struct sci_axis axis;

	sci_axis_of_sizes(&axis, low, high, bytes, 400);
	assert_true(axis.low > 0 && axis.low < axis.high);
	assert_labels(&axis, expected);
}

static void entries_have_decimal_ticks(void **state)
{
	(void)state;
	assert_sizes(16, 1024, false, "20 | 50 | 100 | 200 | 500 | 1k");
	assert_sizes(1, 100000000, false, "1 | 10 | 100 | 1k | 10k | 100k | 1M | 10M | 100M");
	assert_sizes(5, 5000, false, "5 | 10 | 20 | 50 | 100 | 200 | 500 | 1k | 2k | 5k");
}

static void bytes_have_binary_ticks(void **state)
{
	(void)state;
	assert_sizes(16384, 131072, true, "16 KiB | 32 KiB | 64 KiB | 128 KiB");
	assert_sizes(16384, UINT64_C(1) << 34, true, "64 KiB | 1 MiB | 16 MiB | 256 MiB | 4 GiB");
}

static void a_short_axis_has_ticks_at_its_ends(void **state)
{
	(void)state;
	assert_sizes(110, 190, false, "110 | 190");
	assert_sizes(70000, 80000, true, "70,000 | 80,000");
}

static void a_single_size_is_on_an_axis_too(void **state)
{
	struct sci_axis axis;

	(void)state;
	sci_axis_of_sizes(&axis, 1, 1, false, 400);
	assert_true(sci_axis_at(&axis, 1) >= 0 && sci_axis_at(&axis, 1) < 400);
	sci_axis_of_sizes(&axis, 777, 777, false, 400);
	assert_true(sci_axis_at(&axis, 777) > 100 && sci_axis_at(&axis, 777) < 300);
}

static void shares_end_above_the_greatest(void **state)
{
	struct sci_axis axis;

	(void)state;
	sci_axis_of_shares(&axis, 0, 100);
	assert_labels(&axis, "0 % | 5 %");
	sci_axis_of_shares(&axis, 0.2, 100);
	assert_labels(&axis, "0 % | 5 % | 10 % | 15 % | 20 %");
	sci_axis_of_shares(&axis, 0.301, 100);
	assert_labels(&axis, "0 % | 10 % | 20 % | 30 % | 40 %");
	sci_axis_of_shares(&axis, 1, 100);
	assert_labels(&axis, "0 % | 20 % | 40 % | 60 % | 80 % | 100 %");
	assert_float_equal(sci_axis_at(&axis, 0.25), 25, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_have_decimal_ticks),
		cmocka_unit_test(bytes_have_binary_ticks),
		cmocka_unit_test(a_short_axis_has_ticks_at_its_ends),
		cmocka_unit_test(a_single_size_is_on_an_axis_too),
		cmocka_unit_test(shares_end_above_the_greatest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
