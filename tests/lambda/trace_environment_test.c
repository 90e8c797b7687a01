/* The trace id in the environment: set, unset, longer, and changed by other code. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "lambda/trace_environment.h"

#include <scopecache/error.h>

#include <string.h>

static const char name[] = "_X_AMZN_TRACE_ID";

static void is_set_and_unset(void **state)
{
	struct sci_trace_environment trace = { 0 };
	char long_id[5000];

	(void)state;
	memset(long_id, 'x', sizeof long_id - 1);
	long_id[sizeof long_id - 1] = '\0';
	setenv(name, "inherited", 1);
	assert_int_equal(sci_trace_environment_set(&trace, "Root=1"), 0);
	assert_string_equal(getenv(name), "Root=1");
	assert_int_equal(sci_trace_environment_set(&trace, "Root=22"), 0);
	assert_string_equal(getenv(name), "Root=22");
	assert_int_equal(sci_trace_environment_set(&trace, long_id), 0);
	assert_string_equal(getenv(name), long_id);
	assert_int_equal(sci_trace_environment_set(&trace, NULL), 0);
	assert_null(getenv(name));
	assert_int_equal(sci_trace_environment_set(&trace, "3"), 0);
	assert_string_equal(getenv(name), "3");
	sci_trace_environment_fini(&trace);
	assert_null(getenv(name));
}

static void survives_a_handler_that_changes_it(void **state)
{
	struct sci_trace_environment trace = { 0 };

	(void)state;
	assert_int_equal(sci_trace_environment_set(&trace, "1"), 0);
	unsetenv(name);
	assert_int_equal(sci_trace_environment_set(&trace, "2"), 0);
	assert_string_equal(getenv(name), "2");
	setenv(name, "mine", 1);
	assert_int_equal(sci_trace_environment_set(&trace, "3"), 0);
	assert_string_equal(getenv(name), "3");
	sci_trace_environment_fini(&trace);
	assert_null(getenv(name));
}

static void assert_trace(const char *expected)
{
	const char *trace = getenv(name);

	if (expected && trace)
		assert_string_equal(trace, expected);
	else
		assert_ptr_equal(trace, expected);
}

static void scenario(void *arg)
{
	struct sci_trace_environment trace = { 0 };
	char id[1000];

	(void)arg;
	memset(id, 'x', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	int rc = sci_trace_environment_set(&trace, "short");
	assert_trace(rc == 0 ? "short" : NULL);
	if (rc == 0) {
		rc = sci_trace_environment_set(&trace, id);
		assert_trace(rc == 0 ? id : NULL);
	}
	assert_int_equal(rc, sct_allocation_failed() ? SC_E_NOMEM : 0);
	sci_trace_environment_fini(&trace);
}

static void stays_whole_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(scenario, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_set_and_unset),
		cmocka_unit_test(survives_a_handler_that_changes_it),
		cmocka_unit_test(stays_whole_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
