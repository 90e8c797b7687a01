/* The time between two readings of the clocks, whichever of them went on in a freeze. */
#include "support/cmocka.h"

#include "base/clock.h"

static int64_t elapsed(int64_t real, int64_t boot, int64_t mono)
{
	struct sci_clocks before = { 1000000, 5000, 5000 };
	struct sci_clocks after = { 1000000 + real, 5000 + boot, 5000 + mono };

	return sci_clocks_elapsed_ms(&before, &after);
}

static void believes_the_clock_that_saw_most(void **state)
{
	(void)state;
	assert_int_equal(elapsed(10, 10, 10), 10);
	assert_int_equal(elapsed(60010, 60010, 10), 60010);
	assert_int_equal(elapsed(60010, 10, 10), 60010);
	assert_int_equal(elapsed(10, 60010, 10), 60010);
	assert_int_equal(elapsed(10, 10, 60010), 60010);
}

static void ignores_a_wall_clock_stepped_back(void **state)
{
	(void)state;
	assert_int_equal(elapsed(-3600000, 10, 10), 10);
	assert_int_equal(elapsed(-3600000, 0, 0), 0);
	assert_int_equal(elapsed(-3600000, 60010, 10), 60010);
}

static void reads_clocks_that_go_on(void **state)
{
	struct sci_clocks before = sci_clocks_read(), after = sci_clocks_read();

	(void)state;
	assert_true(after.mono_ms >= before.mono_ms);
	assert_true(after.boot_ms >= before.boot_ms);
	assert_true(before.real_ms > INT64_C(1700000000000));
	assert_true(sci_mono_ms() >= after.mono_ms);
	assert_true(sci_mono_us() / 1000 >= after.mono_ms);
	assert_true(sci_mono_ns() / 1000000 >= (uint64_t)after.mono_ms);
	assert_true(sci_real_ms() > INT64_C(1700000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believes_the_clock_that_saw_most),
		cmocka_unit_test(ignores_a_wall_clock_stepped_back),
		cmocka_unit_test(reads_clocks_that_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
