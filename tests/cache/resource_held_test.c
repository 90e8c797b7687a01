/* A handle refers to one instance of a resource, even if the opener returns the same address each
 * time, as for a static struct or a pooled connection. */
#include "support/cmocka.h"

#include <scopecache/resource.h>

#include <string.h>

static int instance, opens, closes;

static int open_same(void *context, void **out, struct sc_error *error)
{
	(void)context;
	(void)error;
	opens++;
	*out = &instance;
	return 0;
}

static void close_same(void *closed)
{
	assert_ptr_equal(closed, &instance);
	closes++;
}

static int fail_to_open(void *context, void **out, struct sc_error *error)
{
	(void)context;
	(void)out;
	(void)error;
	return -1;
}

static struct sc_resource resource;

static int set_up(void **state)
{
	(void)state;
	opens = closes = 0;
	sc_resource_init(&resource, open_same, close_same, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sc_resource_fini(&resource);
	assert_int_equal(opens, closes);
	return 0;
}

static struct sc_held acquire(int expected)
{
	struct sc_held held;

	assert_int_equal(sc_resource_acquire(&resource, &held, NULL), expected);
	assert_ptr_equal(held.instance, &instance);
	return held;
}

static void assert_all_zero(const struct sc_held *held)
{
	const struct sc_held zero = { 0 };

	assert_memory_equal(held, &zero, sizeof zero);
}

static void the_same_address_again_is_another_instance(void **state)
{
	(void)state;
	struct sc_held first = acquire(SC_LOADED);
	sc_resource_reset(&resource);
	struct sc_held second = acquire(SC_LOADED);
	sc_resource_release(&resource, &first);
	assert_int_equal(closes, 1);
	/* The second handle still has a reference: after a reset, its release closes the
	 * instance. */
	sc_resource_reset(&resource);
	assert_int_equal(closes, 1);
	sc_resource_release(&resource, &second);
	assert_int_equal(closes, 2);
}

static void each_holder_may_report_what_is_broken(void **state)
{
	(void)state;
	struct sc_held first = acquire(SC_LOADED), second = acquire(SC_HIT);
	sc_resource_report_broken(&resource, &first);
	struct sc_held third = acquire(SC_LOADED);
	/* A late report of the same failure must not close the new instance. */
	sc_resource_report_broken(&resource, &second);
	struct sc_held fourth = acquire(SC_HIT);
	assert_int_equal(opens, 2);
	sc_resource_release(&resource, &first);
	assert_int_equal(closes, 0);
	sc_resource_release(&resource, &second);
	assert_int_equal(closes, 1);
	sc_resource_release(&resource, &third);
	/* A report never closes an instance that the caller still holds. */
	sc_resource_report_broken(&resource, &fourth);
	assert_int_equal(closes, 1);
	sc_resource_release(&resource, &fourth);
	assert_int_equal(closes, 2);
}

static void a_released_handle_is_all_zero(void **state)
{
	struct sc_resource broken = SC_RESOURCE_INIT(fail_to_open, NULL, NULL);
	struct sc_held held;

	(void)state;
	memset(&held, 0xFF, sizeof held);
	assert_int_equal(sc_resource_acquire(&broken, &held, NULL), SC_E_OPEN);
	assert_all_zero(&held);
	sc_resource_report_broken(&broken, &held);
	sc_resource_release(&broken, &held);
	held = acquire(SC_LOADED);
	sc_resource_release(&resource, &held);
	assert_all_zero(&held);
	sc_resource_release(&resource, &held);
	sc_resource_report_broken(&resource, &held);
	sc_resource_release(&resource, NULL);
	sc_resource_report_broken(&resource, NULL);
	assert_int_equal(closes, 0);
}

#define resource_case(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		resource_case(the_same_address_again_is_another_instance),
		resource_case(each_holder_may_report_what_is_broken),
		resource_case(a_released_handle_is_all_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
