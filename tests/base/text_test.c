/* UTF-8, JSON strings and error messages. */
#include "support/cmocka.h"

#include "base/error.h"
#include "base/json_text.h"
#include "base/utf8.h"

#include <errno.h>
#include <string.h>

static void assert_json(const char *text, size_t len, const char *expected)
{
	struct sci_buffer out = { 0 };

	assert_int_equal(sci_json_text(&out, text, len), 0);
	assert_int_equal(out.len, strlen(expected));
	assert_memory_equal(out.data, expected, out.len);
	sci_buffer_fini(&out);
}

static void json_keeps_utf8_whole(void **state)
{
	(void)state;
	assert_json("", 0, "\"\"");
	assert_json("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", 14,
		"\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"");
}

static void json_escapes_what_it_must(void **state)
{
	(void)state;
	assert_json("a\"b\\c\n\t\r\b\f\x01\x1f\x7f", 13,
		"\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f\x7f\"");
	assert_json("a\0b", 3, "\"a\\u0000b\"");
}

static void json_mends_invalid_utf8(void **state)
{
	(void)state;
	assert_json("a\377b", 3, "\"a\357\277\275b\"");
	assert_json("\xC3", 1, "\"\xEF\xBF\xBD\"");
	/* A surrogate, an overlong slash, a code point past the last: one mark a byte. */
	assert_json("\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
	assert_json("\xC0\xAF", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
	assert_json("\xF4\x90\x80\x80", 4, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

/* Every sequence of up to three bytes against the definition: decode, and encode again. */
static size_t length_by_definition(const uint8_t *b, size_t len)
{
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xC2 && b[0] <= 0xDF)
		return len >= 2 && (b[1] & 0xC0) == 0x80 ? 2 : 0;
	if (b[0] >= 0xE0 && b[0] <= 0xEF && len >= 3 && (b[1] & 0xC0) == 0x80 &&
		(b[2] & 0xC0) == 0x80) {
		unsigned code = (b[0] & 15u) << 12 | (b[1] & 63u) << 6 | (b[2] & 63u);
		return code >= 0x800 && (code < 0xD800 || code > 0xDFFF) ? 3 : 0;
	}
	return 0;
}

static void every_short_sequence(void **state)
{
	(void)state;
	for (unsigned code = 0; code < 1u << 24; code++) {
		uint8_t b[3] = { (uint8_t)(code >> 16), (uint8_t)(code >> 8), (uint8_t)code };
		if (sci_utf8_length((const char *)b, 3) != length_by_definition(b, 3))
			fail_msg("%02x %02x %02x", b[0], b[1], b[2]);
	}
}

static void cut_is_at_a_character(void **state)
{
	const char *text = "a\xF0\x9F\x98\x80z";

	(void)state;
	assert_int_equal(sci_utf8_cut(text, 6), 6);
	assert_int_equal(sci_utf8_cut(text, 5), 5);
	assert_int_equal(sci_utf8_cut(text, 4), 1);
	assert_int_equal(sci_utf8_cut(text, 3), 1);
	assert_int_equal(sci_utf8_cut(text, 2), 1);
	assert_int_equal(sci_utf8_cut(text, 1), 1);
	assert_int_equal(sci_utf8_cut(text, 0), 0);
	assert_int_equal(sci_utf8_cut("\xA9\xA9\xA9\xA9", 4), 4);
}

static void error_has_the_system_text(void **state)
{
	struct sc_error error;

	(void)state;
	assert_int_equal(sci_error_set(&error, SC_E_IO, ENOENT, "open %s", "x"), SC_E_IO);
	assert_int_equal(error.code, SC_E_IO);
	assert_int_equal(error.os_errno, ENOENT);
	assert_string_equal(error.message, "open x: No such file or directory");
	assert_int_equal(sci_error_set(NULL, SC_E_IO, 0, "x"), SC_E_IO);
}

static void error_is_cut_at_a_character(void **state)
{
	char text[SC_ERROR_MESSAGE_BYTES + 8];
	struct sc_error error;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof text; i += 2)
		memcpy(text + i, "\xC3\xA9", 2);
	text[sizeof text - 2] = '\0';
	sci_error_set(&error, SC_E_IO, ENOENT, "%s", text);
	assert_int_equal(strlen(error.message), SC_ERROR_MESSAGE_BYTES - 2);
}

static void results_have_texts(void **state)
{
	(void)state;
	assert_string_equal(sc_result_text(SC_E_NOMEM), "out of memory");
	assert_string_equal(sc_result_text(SC_HIT), "hit");
	assert_string_equal(sc_result_text(-12345), "unknown result");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_keeps_utf8_whole),
		cmocka_unit_test(json_escapes_what_it_must),
		cmocka_unit_test(json_mends_invalid_utf8),
		cmocka_unit_test(every_short_sequence),
		cmocka_unit_test(cut_is_at_a_character),
		cmocka_unit_test(error_has_the_system_text),
		cmocka_unit_test(error_is_cut_at_a_character),
		cmocka_unit_test(results_have_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
