/* Sized structs of other versions: shorter ones, longer ones, and those with no size. */
#include "base/sized.h"
#include "support/cmocka.h"

#include <scopecache/error.h>

#include <stdint.h>

struct known {
	size_t size;
	uint64_t first, second;
};

struct longer {
	struct known known;
	uint64_t unknown[2];
};

static void a_shorter_one_has_zeros(void **state)
{
	const struct known given = { offsetof(struct known, second), 5, 7 };
	struct known out = { 1, 2, 3 };

	(void)state;
	assert_true(sci_sized_read(&out, sizeof out, &given, given.size));
	assert_int_equal(out.first, 5);
	assert_int_equal(out.second, 0);
}

static void a_longer_one_may_ask_for_nothing_unknown(void **state)
{
	struct longer given = { { sizeof given, 5, 7 }, { 0, 0 } };
	struct known out = { 1, 2, 3 };

	(void)state;
	assert_true(sci_sized_read(&out, sizeof out, &given, given.known.size));
	assert_int_equal(out.second, 7);
	given.unknown[1] = UINT64_C(1) << 63;
	out.second = 9;
	assert_false(sci_sized_read(&out, sizeof out, &given, given.known.size));
	assert_int_equal(out.second, 9);
}

static void a_size_that_was_not_set(void **state)
{
	const size_t bad[] = { 0, 1, sizeof(size_t) - 1, SCI_SIZED_BYTES_MAX + 1, SIZE_MAX };
	struct known given = { 0, 5, 7 }, out = { 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(sci_sized_read(&out, sizeof out, &given, bad[i]));
		assert_int_equal(sci_sized_write(&out, bad[i], &given, sizeof given), SC_E_INVAL);
	}
	assert_int_equal(out.first, 2);
}

static void writes_what_there_is_room_for(void **state)
{
	struct longer out = { { 0, 1, 2 }, { 3, 4 } };
	const struct known all = { sizeof out, 5, 7 };

	(void)state;
	assert_int_equal(sci_sized_write(&out, sizeof out, &all, sizeof all), 0);
	assert_int_equal(out.known.second, 7);
	assert_int_equal(out.unknown[0] + out.unknown[1], 0);
	out.known.second = 9;
	assert_int_equal(sci_sized_write(&out, offsetof(struct known, second), &all, sizeof all),
		0);
	assert_int_equal(out.known.first, 5);
	assert_int_equal(out.known.second, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shorter_one_has_zeros),
		cmocka_unit_test(a_longer_one_may_ask_for_nothing_unknown),
		cmocka_unit_test(a_size_that_was_not_set),
		cmocka_unit_test(writes_what_there_is_room_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
