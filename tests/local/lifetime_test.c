/* Draws of lifetimes. */
#include "support/cmocka.h"

#include "local/lifetime.h"

static void draws_are_in_their_range(void **state)
{
	const struct sci_lifetimes wide = { .idle = { 10, 19 }, .age = { 5, 5 } };
	const struct sci_lifetimes none = { { 0, 0 }, { 0, 0 } };
	struct sci_draws draws = { .state = 1 }, same = { .state = 1 };
	unsigned seen = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct sci_lifetime one = sci_draw_lifetime(&draws, &wide);
		assert_in_range(one.idle_ms, 10, 19);
		assert_int_equal(one.age_ms, 5);
		assert_int_equal(sci_draw_lifetime(&same, &wide).idle_ms, one.idle_ms);
		seen |= 1U << (one.idle_ms - 10);
	}
	assert_int_equal(seen, 0x3FF);
	assert_int_equal(sci_draw_lifetime(&draws, &none).idle_ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_are_in_their_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
