/* The mix is repeatable, complete, and has the skew that was asked for. */
#include "support/cmocka.h"

#include "demo/mix.h"

#include <math.h>
#include <string.h>

#define EVENTS (MIX_USERS * MIX_PARAMS)
#define DRAWS  300000u

static struct mix mix;

static int make_mix(void **state)
{
	(void)state;
	mix_init(&mix, 0.99);
	return 0;
}

static void every_event_is_there_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EVENTS; i++) {
		assert_int_equal(strlen(mix.events[i].text), mix.events[i].len);
		assert_int_equal(strncmp(mix.events[i].text, "{\"user\":\"", 9), 0);
		assert_non_null(strstr(mix.events[i].text, "\",\"param\":\"20"));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(mix.events[i].text, mix.events[j].text);
		assert_true(i == 0 || mix.up_to[i] > mix.up_to[i - 1]);
	}
}

static void the_same_seed_draws_the_same(void **state)
{
	unsigned differ = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		assert_ptr_equal(mix_draw(&mix, 1, i), mix_draw(&mix, 1, i));
		differ += mix_draw(&mix, 1, i) != mix_draw(&mix, 2, i);
	}
	assert_true(differ > 900);
}

/* Each share against its law, to five standard deviations. */
static void shares_are_zipfs(void **state)
{
	static unsigned drawn[EVENTS];
	double users = 0, params = 0;

	(void)state;
	for (uint64_t i = 0; i < DRAWS; i++)
		drawn[mix_draw(&mix, 7, i) - mix.events]++;
	for (unsigned i = 0; i < MIX_USERS; i++)
		users += pow(i + 1, -0.99);
	for (unsigned i = 0; i < MIX_PARAMS; i++)
		params += pow(i + 1, -0.99);
	for (unsigned i = 0; i < EVENTS; i++) {
		unsigned user = i / MIX_PARAMS, param = i % MIX_PARAMS;
		double share = pow(user + 1, -0.99) / users * pow(param + 1, -0.99) / params;
		double off = fabs(drawn[i] - share * DRAWS);
		if (off > 5 * sqrt(share * DRAWS) + 1)
			fail_msg("%s: %u and not %.0f", mix.events[i].text, drawn[i],
				share * DRAWS);
	}
}

static void without_skew_all_are_alike(void **state)
{
	static struct mix even;

	(void)state;
	mix_init(&even, 0);
	for (unsigned i = 1; i < EVENTS; i++)
		assert_true(fabs((double)(even.up_to[i] - even.up_to[i - 1]) -
				    (double)UINT32_MAX / EVENTS) < 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_is_there_once),
		cmocka_unit_test(the_same_seed_draws_the_same),
		cmocka_unit_test(shares_are_zipfs),
		cmocka_unit_test(without_skew_all_are_alike),
	};
	return cmocka_run_group_tests(tests, make_mix, NULL);
}
