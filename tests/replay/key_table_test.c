/* Keys and their numbers: numbered by first appearance, for any bytes, also after the table has
 * grown. */
#include "support/cmocka.h"

#include "replay/key_table.h"

#include <stdio.h>

static uint32_t number_of(struct sci_key_table *table, const void *key, size_t len)
{
	uint32_t number = UINT32_MAX;

	assert_int_equal(sci_key_table_number(table, key, len, &number), 0);
	return number;
}

static void numbers_follow_appearance(void **state)
{
	struct sci_key_table table = { 0 };

	(void)state;
	assert_int_equal(number_of(&table, "b", 1), 0);
	assert_int_equal(number_of(&table, "a", 1), 1);
	assert_int_equal(number_of(&table, "b", 1), 0);
	assert_int_equal(table.count, 2);
	sci_key_table_fini(&table);
	assert_int_equal(number_of(&table, "a", 1), 0);
	sci_key_table_fini(&table);
}

static void keys_are_all_their_bytes(void **state)
{
	struct sci_key_table table = { 0 };

	(void)state;
	assert_int_equal(number_of(&table, "", 0), 0);
	assert_int_equal(number_of(&table, "\0", 1), 1);
	assert_int_equal(number_of(&table, "\0\0", 2), 2);
	assert_int_equal(number_of(&table, "ab", 2), 3);
	assert_int_equal(number_of(&table, "a", 1), 4);
	assert_int_equal(number_of(&table, "b", 1), 5);
	assert_int_equal(number_of(&table, "", 0), 0);
	assert_int_equal(number_of(&table, "\0", 1), 1);
	sci_key_table_fini(&table);
}

static void numbers_stay_when_the_table_grows(void **state)
{
	struct sci_key_table table = { 0 };
	char key[16];

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 100000; i++) {
			int len = snprintf(key, sizeof key, "%u", i);
			assert_int_equal(number_of(&table, key, (size_t)len), i);
		}
	assert_int_equal(table.count, 100000);
	assert_true(table.slot_count >= 2 * (size_t)table.count);
	sci_key_table_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_follow_appearance),
		cmocka_unit_test(keys_are_all_their_bytes),
		cmocka_unit_test(numbers_stay_when_the_table_grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
