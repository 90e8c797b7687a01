/* What people read: counts, and the bar for every state it can be in. */
#include "support/cmocka.h"

#include "base/count_text.h"
#include "base/progress_bar.h"

#include <string.h>

static void assert_bar(uint64_t done, uint64_t total, int64_t elapsed_ms, const char *expected)
{
	char text[SCI_PROGRESS_TEXT_BYTES];

	sci_progress_text(text, "hello", done, total, elapsed_ms);
	assert_string_equal(text, expected);
}

static void shows_how_far_it_is(void **state)
{
	(void)state;
	assert_bar(0, 100, 0, "hello [........................]   0 %");
	assert_bar(25, 100, 1000, "hello [######..................]  25 %, 3 s left");
	assert_bar(99, 100, 99000, "hello [#######################.]  99 %, 1 s left");
	assert_bar(100, 100, 1, "hello [########################] 100 %");
}

static void bears_numbers_that_make_no_sense(void **state)
{
	(void)state;
	assert_bar(5, 0, 1, "hello [########################] 100 %");
	assert_bar(7, 5, 1, "hello [########################] 100 %");
}

static void never_fills_the_line(void **state)
{
	char text[SCI_PROGRESS_TEXT_BYTES], label[200];

	(void)state;
	memset(label, 'x', sizeof label);
	label[sizeof label - 1] = '\0';
	sci_progress_text(text, label, 1, UINT64_MAX, INT64_MAX);
	assert_true(strlen(text) < SCI_PROGRESS_TEXT_BYTES);
	sci_progress_text(text, label, 1, 3, 1000);
	assert_non_null(strstr(text, "] "));
	assert_non_null(strstr(text, "33 %, 2 s left"));
}

static void assert_count(uint64_t count, const char *expected)
{
	char text[SCI_COUNT_TEXT_BYTES];

	assert_string_equal(sci_count_text(count, text), expected);
}

static void counts_have_their_digits_in_threes(void **state)
{
	(void)state;
	assert_count(0, "0");
	assert_count(999, "999");
	assert_count(1000, "1,000");
	assert_count(1234567, "1,234,567");
	assert_count(UINT64_MAX, "18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_how_far_it_is),
		cmocka_unit_test(bears_numbers_that_make_no_sense),
		cmocka_unit_test(never_fills_the_line),
		cmocka_unit_test(counts_have_their_digits_in_threes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
