/* Numbers and addresses: what is accepted, and that nothing else is. */
#include "support/cmocka.h"

#include "base/number_text.h"

#include <string.h>

static void assert_number(const char *text, bool accepted, uint64_t expected)
{
	uint64_t number = 99;

	if (sci_number_read(text, 1, 20, &number) != accepted)
		fail_msg("%s", text);
	assert_int_equal(number, accepted ? expected : 99);
}

static void reads_whole_numbers(void **state)
{
	(void)state;
	assert_number("1", true, 1);
	assert_number("20", true, 20);
	assert_number("007", true, 7);
	const char *refused[] = { "", "0", "21", "-1", "+1", " 1", "1 ", "1K", "0x1", "1.0", "x",
		"99999999999999999999999" };
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		assert_number(refused[i], false, 0);
}

static void reads_sizes(void **state)
{
	uint64_t bytes;

	(void)state;
	assert_true(sci_size_read("3", 1, UINT64_MAX, &bytes) && bytes == 3);
	assert_true(sci_size_read("3K", 1, UINT64_MAX, &bytes) && bytes == 3 << 10);
	assert_true(sci_size_read("3M", 1, UINT64_MAX, &bytes) && bytes == 3 << 20);
	assert_true(sci_size_read("3G", 1, UINT64_MAX, &bytes) && bytes == UINT64_C(3) << 30);
	const char *refused[] = { "", "K", "0", "1k", "1KB", "1 K", "17179869184G", "-1K" };
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		if (sci_size_read(refused[i], 1, UINT64_MAX, &bytes))
			fail_msg("%s", refused[i]);
}

static void reads_seconds(void **state)
{
	int64_t ms;

	(void)state;
	assert_true(sci_seconds_read("0.001", 900000, &ms) && ms == 1);
	assert_true(sci_seconds_read("1.5", 900000, &ms) && ms == 1500);
	assert_true(sci_seconds_read("900", 900000, &ms) && ms == 900000);
	const char *refused[] = { "", "0", "0.0001", "900.1", "nan", "inf", "-1", " 1", "0x1",
		"1.0.0", "1s", "x" };
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		if (sci_seconds_read(refused[i], 900000, &ms))
			fail_msg("%s", refused[i]);
}

static void assert_address(const char *text, const char *expected_host, uint16_t expected_port)
{
	char host[12] = "unset";
	uint16_t port = 1;

	if (sci_host_port_read(text, host, sizeof host, &port) != (expected_host != NULL))
		fail_msg("%s", text);
	assert_string_equal(host, expected_host ? expected_host : "unset");
	assert_int_equal(port, expected_host ? expected_port : 1);
}

static void reads_addresses(void **state)
{
	(void)state;
	assert_address("127.0.0.1:80", "127.0.0.1", 80);
	assert_address("a:0", "a", 0);
	assert_address("[::1]:65535", "::1", 65535);
	assert_address("12345678901:1", "12345678901", 1);
	const char *refused[] = { "", ":", "a", "a:", ":80", "a:65536", "a:x", "a:-1", "a: 1",
		"[]:1", "[:1", "[::1:80", "[::1]", "[::1]80", "123456789012:1" };
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		assert_address(refused[i], NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_whole_numbers),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(reads_seconds),
		cmocka_unit_test(reads_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
