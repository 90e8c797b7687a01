/* The growing buffer: what it holds, and that it stays whole when memory is out. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "base/buffer.h"
#include "base/json_text.h"

#include <scopecache/error.h>

#include <string.h>

static void grows_and_keeps(void **state)
{
	struct sci_buffer buffer = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_int_equal(sci_buffer_printf(&buffer, "%04d", i), 0);
	assert_int_equal(buffer.len, 40000);
	assert_memory_equal(buffer.data + 4 * 1234, "1234", 4);
	assert_int_equal(sci_buffer_append(&buffer, NULL, 0), 0);
	assert_int_equal(sci_buffer_reserve(&buffer, SIZE_MAX - 100), SC_E_NOMEM);
	sci_buffer_fini(&buffer);
	assert_null(buffer.data);
}

static void scenario(void *arg)
{
	struct sci_buffer buffer = { 0 };
	size_t before;
	int rc = 0;

	(void)arg;
	for (int i = 0; i < 50 && rc == 0; i++) {
		before = buffer.len;
		rc = i % 2 ? sci_buffer_printf(&buffer, "%0100d", i)
			   : sci_json_text(&buffer, "a \"text\" that is escaped", 24);
		assert_true(rc == 0 || (rc == SC_E_NOMEM && buffer.len == before));
	}
	assert_int_equal(rc, sct_allocation_failed() ? SC_E_NOMEM : 0);
	sci_buffer_fini(&buffer);
}

static void stays_whole_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(scenario, NULL);
}

static void fill_unchecked(void *arg)
{
	struct sci_buffer buffer = { 0 };

	(void)arg;
	for (int i = 0; i < 50; i++) {
		sci_buffer_printf(&buffer, "%0100d", i);
		sci_buffer_append(&buffer, "text", 4);
		sci_json_text(&buffer, "text", 4);
	}
	assert_int_equal(sci_buffer_result(&buffer), sct_allocation_failed() ? SC_E_NOMEM : 0);
	sci_buffer_clear(&buffer);
	assert_int_equal(sci_buffer_result(&buffer), 0);
	assert_int_equal(buffer.len, 0);
	sci_buffer_fini(&buffer);
}

static void remembers_a_failed_append(void **state)
{
	(void)state;
	sct_fail_each_allocation(fill_unchecked, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_keeps),
		cmocka_unit_test(stays_whole_without_memory),
		cmocka_unit_test(remembers_a_failed_append),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
