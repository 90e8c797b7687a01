/* Payloads: themselves, files, standard input; and what is not JSON. */
#include "support/cmocka.h"

#include "invoke/payload.h"

#include "base/json_syntax.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void assert_read(const char *argument, const char *bytes, size_t len)
{
	struct sci_buffer payload = { 0 };
	struct sc_error error;

	if (sci_payload_read(&payload, argument, &error) < 0)
		fail_msg("%s", error.message);
	assert_int_equal(payload.len, len);
	assert_memory_equal(payload.data, bytes, len);
	sci_buffer_fini(&payload);
}

static void an_argument_is_itself(void **state)
{
	(void)state;
	assert_read("{\"a\": 1}", "{\"a\": 1}", 8);
	assert_read("--", "--", 2);
}

static void a_file_is_its_bytes(void **state)
{
	char name[] = "@payload-test-XXXXXX";
	static char bytes[300000];

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 31 >> 3);
	int fd = mkstemp(name + 1);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
	assert_read(name, bytes, sizeof bytes);
	close(fd);
	unlink(name + 1);
}

static void standard_input_is_read_to_its_end(void **state)
{
	int pipe_ends[2], saved = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(write(pipe_ends[1], "[1,2]\n", 6), 6);
	close(pipe_ends[1]);
	assert_true(dup2(pipe_ends[0], STDIN_FILENO) >= 0);
	assert_read("-", "[1,2]\n", 6);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(pipe_ends[0]);
}

static void assert_refused(const char *argument, int code, const char *words)
{
	struct sci_buffer payload = { 0 };
	struct sc_error error;

	assert_int_equal(sci_payload_read(&payload, argument, &error), code);
	if (!strstr(error.message, words))
		fail_msg("%s", error.message);
	sci_buffer_fini(&payload);
}

static void what_cannot_be_read_is_named(void **state)
{
	(void)state;
	assert_refused("@no/such/file", SC_E_IO,
		"cannot open the payload no/such/file: No such file");
	assert_refused("@", SC_E_IO, "cannot open the payload");
	assert_refused("@/", SC_E_IO, "cannot read the payload from /: Is a directory");
	assert_refused("@/dev/zero", SC_E_TOO_LARGE, "/dev/zero is larger than 16 MiB");
}

static void assert_json(const char *text, size_t len, const char *complaint)
{
	const struct sci_buffer payload = { .data = (char *)(uintptr_t)text,
		.len = len,
		.cap = len };
	struct sc_error error;

	int rc = sci_payload_check_json(&payload, &error);
	assert_int_equal(rc, complaint ? SC_E_INVAL : 0);
	if (complaint && !strstr(error.message, complaint))
		fail_msg("%s", error.message);
}

static void json_is_told_from_what_is_not(void **state)
{
	char deep[SCI_JSON_DEPTH + 1];

	(void)state;
	assert_json("{}", 2, NULL);
	assert_json(" null\n", 6, NULL);
	assert_json("123456789012345678901234567890", 30, NULL);
	assert_json("\"\\u0000\"", 8, NULL);
	assert_json("", 0, "not JSON: line 1");
	assert_json("{\n 'a': 1}", 10, "not JSON: line 2, column 2");
	assert_json("{} {}", 5, "not JSON");
	assert_json("\"\xFF\"", 3, "not JSON");
	memset(deep, '[', sizeof deep);
	assert_json(deep, sizeof deep, "nested more than 1000 deep: line 1, column 1002");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_argument_is_itself),
		cmocka_unit_test(a_file_is_its_bytes),
		cmocka_unit_test(standard_input_is_read_to_its_end),
		cmocka_unit_test(what_cannot_be_read_is_named),
		cmocka_unit_test(json_is_told_from_what_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
