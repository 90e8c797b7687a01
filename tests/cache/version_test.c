/* The library reports the version of the headers that it was compiled with. */
#include "support/cmocka.h"

#include <scopecache/cache.h>

#include <stdio.h>

/* The macro must work in the preprocessor too. */
#if !SC_VERSION_AT_LEAST(SC_VERSION_MAJOR, SC_VERSION_MINOR, SC_VERSION_PATCH)
#error "these headers are not of their own version"
#endif
#if SC_VERSION_AT_LEAST(SC_VERSION_MAJOR, SC_VERSION_MINOR, SC_VERSION_PATCH + 1)
#error "these headers are of a version that is later than theirs"
#endif

static void the_library_is_of_the_version_of_its_headers(void **state)
{
	(void)state;
	assert_string_equal(sc_version(), SC_VERSION_TEXT);
	assert_int_equal(sc_version_number(), SC_VERSION_NUMBER);
}

static void text_and_number_are_made_of_the_three(void **state)
{
	char text[64];

	(void)state;
	snprintf(text, sizeof text, "%d.%d.%d", SC_VERSION_MAJOR, SC_VERSION_MINOR,
		SC_VERSION_PATCH);
	assert_string_equal(SC_VERSION_TEXT, text);
	assert_int_equal(SC_VERSION_NUMBER,
		SC_VERSION_MAJOR * 1000000 + SC_VERSION_MINOR * 1000 + SC_VERSION_PATCH);
}

static void at_least_is_true_up_to_the_version_itself(void **state)
{
	(void)state;
	assert_true(SC_VERSION_AT_LEAST(0, 0, 0));
	assert_true(SC_VERSION_AT_LEAST(0, 0, 999));
	assert_true(SC_VERSION_AT_LEAST(0, 1, 0));
	assert_true(SC_VERSION_AT_LEAST(SC_VERSION_MAJOR, SC_VERSION_MINOR, SC_VERSION_PATCH));
	assert_false(SC_VERSION_AT_LEAST(SC_VERSION_MAJOR, SC_VERSION_MINOR, SC_VERSION_PATCH + 1));
	assert_false(SC_VERSION_AT_LEAST(SC_VERSION_MAJOR, SC_VERSION_MINOR + 1, 0));
	assert_false(SC_VERSION_AT_LEAST(SC_VERSION_MAJOR + 1, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_library_is_of_the_version_of_its_headers),
		cmocka_unit_test(text_and_number_are_made_of_the_three),
		cmocka_unit_test(at_least_is_true_up_to_the_version_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
