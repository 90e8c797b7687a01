/* The parsers and formats of bytes: names of functions, base64, JSON, the lines of the log, its
 * frames and its tail. */
#include "support/cmocka.h"

#include "local/base64.h"
#include "local/function_name.h"
#include "local/invocation_log.h"
#include "base/json_syntax.h"
#include "local/log_frames.h"

#include <scopecache/error.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ARN "arn:aws:lambda:eu-west-1:123456789012:function:"

static void assert_name(const char *text, const char *name, const char *qualifier)
{
	struct sci_function_name found;

	assert_int_equal(sci_function_name_parse(text, strlen(text), &found), 0);
	assert_string_equal(found.name, name);
	assert_string_equal(found.qualifier, qualifier);
}

static void valid_names(void **state)
{
	char longest[SCI_NAME_MAX + 1] = { 0 };

	(void)state;
	memset(longest, 'x', SCI_NAME_MAX);
	assert_name("a", "a", "");
	assert_name("My-Function_1", "My-Function_1", "");
	assert_name("f:prod", "f", "prod");
	assert_name("f:$LATEST", "f", "$LATEST");
	assert_name("f:$LATEST.PUBLISHED", "f", "$LATEST.PUBLISHED");
	assert_name("f:1", "f", "1");
	assert_name("function:f", "f", "");
	assert_name("123456789012:function:f", "f", "");
	assert_name("123456789012:f", "f", "");
	assert_name("us-east-1:123456789012:function:f:q", "f", "q");
	assert_name(ARN "f", "f", "");
	assert_name(ARN "f:q", "f", "q");
	assert_name("arn:aws-cn:lambda:cn-north-1:123456789012:function:f", "f", "");
	assert_name("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f", "f", "");
	assert_name("function", "function", "");
	assert_name("arn", "arn", "");
	assert_name("us-east-1", "us-east-1", "");
	assert_name(longest, longest, "");
}

static void invalid_names(void **state)
{
	static const char *const texts[] = { "", ":", "f:", ":q", "f:q:r", "a b", "f.g", "f/g",
		"f:a b", "f:$LAST", "function:", "123456789012:function:", "arn:aws:s3:::bucket",
		"arn:aws:lambda", "arn:", "arn:gcp:lambda:us-east-1:123456789012:function:f",
		"arn:aws:lambda:nowhere:123456789012:function:f",
		"arn:aws:lambda:us-east-1:12345:function:f", ARN, "function:f:q:r", "\xC3\xA9",
		"f\n" };
	struct sci_function_name found = { .name = "untouched" };
	char too_long[SCI_NAME_MAX + 2] = { 0 }, long_qualifier[SCI_QUALIFIER_MAX + 4] = "f:";

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (sci_function_name_parse(texts[i], strlen(texts[i]), &found) != SC_E_INVAL)
			fail_msg("%s", texts[i]);
	assert_int_equal(sci_function_name_parse("f\0g", 3, &found), SC_E_INVAL);
	memset(too_long, 'x', sizeof too_long - 1);
	assert_int_equal(sci_function_name_parse(too_long, strlen(too_long), &found), SC_E_INVAL);
	memset(long_qualifier + 2, 'q', SCI_QUALIFIER_MAX + 1);
	assert_int_equal(sci_function_name_parse(long_qualifier, SCI_QUALIFIER_MAX + 3, &found),
		SC_E_INVAL);
	assert_int_equal(sci_function_name_parse(long_qualifier, SCI_QUALIFIER_MAX + 2, &found), 0);
	assert_int_equal(strlen(found.qualifier), SCI_QUALIFIER_MAX);
}

static void base64_round_trip(void **state)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" } };
	uint8_t bytes[256], back[256];
	char text[SCI_BASE64_BYTES(256) + 1];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		sci_base64_encode(pairs[i][0], strlen(pairs[i][0]), text);
		assert_string_equal(text, pairs[i][1]);
	}
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t size = 0; size <= sizeof bytes; size++) {
		sci_base64_encode(bytes, size, text);
		assert_int_equal(strlen(text), SCI_BASE64_BYTES(size));
		assert_int_equal(sci_base64_decode(text, strlen(text), back, &len), 0);
		assert_int_equal(len, size);
		assert_memory_equal(back, bytes, size);
	}
}

static void invalid_base64(void **state)
{
	static const char *const texts[] = { "Z", "Zg",
		"Zg=", "Z===", "====", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zm-_",
		"Zm9v=" };
	uint8_t out[16];
	size_t len = 77;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (sci_base64_decode(texts[i], strlen(texts[i]), out, &len) != SC_E_INVAL)
			fail_msg("%s", texts[i]);
	assert_int_equal(len, 77);
}

static void valid_json(void **state)
{
	static const char *const texts[] = { "{}", " [ ] ", "\t\n\r1", "-0", "-12.5e+10", "1E-3",
		"0.5", "true", "false", "null", "\"\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\"", "\"\xC3\xA9\xF0\x9F\x98\x80\"",
		"{\"a\":[{\"b\":{}},[],1],\"c\" : null , \"c\":2}", "[[[[]]],[{}]]",
		"12345678901234567890", "1e999" };
	size_t offset;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (sci_json_syntax(texts[i], strlen(texts[i]), &offset) != 0)
			fail_msg("%s", texts[i]);
}

static void invalid_json(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
	} cases[] = { { "", 0 }, { " ", 1 }, { "{", 1 }, { "[", 1 }, { "]", 0 }, { "[}", 1 },
		{ "{]", 1 }, { "[1,]", 3 }, { "[,1]", 1 }, { "{\"a\"}", 4 }, { "{\"a\":}", 5 },
		{ "{\"a\":1,}", 7 }, { "{a:1}", 1 }, { "{}{}", 2 }, { "01", 1 }, { "-", 1 },
		{ "1.", 2 }, { ".5", 0 }, { "1e", 2 }, { "+1", 0 }, { "nul", 3 }, { "True", 0 },
		{ "\"", 1 }, { "\"\n\"", 1 }, { "\"\\x\"", 2 }, { "\"\\u12g4\"", 5 },
		{ "\"\xFF\"", 1 }, { "\"\xC3\"", 1 }, { "'a'", 0 }, { "[1 2]", 3 }, { "NaN", 0 },
		{ "\xEF\xBB\xBF{}", 0 } };
	size_t offset;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		offset = 999;
		if (sci_json_syntax(cases[i].text, strlen(cases[i].text), &offset) != SC_E_INVAL)
			fail_msg("%s", cases[i].text);
		if (offset != cases[i].offset)
			fail_msg("%s at %zu", cases[i].text, offset);
	}
	assert_int_equal(sci_json_syntax("{}\0", 3, &offset), SC_E_INVAL);
	assert_int_equal(sci_json_syntax("\"a\0b\"", 5, &offset), SC_E_INVAL);
}

static void json_nested(void **state)
{
	char text[2 * SCI_JSON_DEPTH + 2];
	size_t offset;

	(void)state;
	memset(text, '[', SCI_JSON_DEPTH);
	memset(text + SCI_JSON_DEPTH, ']', SCI_JSON_DEPTH);
	assert_int_equal(sci_json_syntax(text, 2 * SCI_JSON_DEPTH - 2, &offset), SC_E_INVAL);
	assert_int_equal(sci_json_syntax(text, 2 * SCI_JSON_DEPTH, &offset), 0);
	/* The innermost array is empty, so the parser does not enter it. */
	memset(text, '[', SCI_JSON_DEPTH + 2);
	assert_int_equal(sci_json_syntax(text, sizeof text, &offset), SC_E_TOO_LARGE);
}

/* Every text of up to five significant characters, compared with jansson. */
static void json_as_jansson_judges_it(void **state)
{
	static const char characters[] = "{}[]:,\"10-.e ";
	const size_t choices = sizeof characters - 1;
	char text[5];
	json_error_t error;
	size_t offset;

	(void)state;
	for (size_t len = 1, texts = choices; len <= sizeof text; len++, texts *= choices) {
		for (size_t number = 0; number < texts; number++) {
			size_t rest = number;
			for (size_t i = 0; i < len; i++, rest /= choices)
				text[i] = characters[rest % choices];
			json_t *value = json_loadb(text, len,
				JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
			/* A number too large for a double is still JSON. */
			bool theirs =
				value || json_error_code(&error) == json_error_numeric_overflow;
			if (theirs != (sci_json_syntax(text, len, &offset) == 0))
				fail_msg("%.*s", (int)len, text);
			json_decref(value);
		}
	}
}

static void log_lines(void **state)
{
	char line[SCI_LOG_LINE_BYTES], text[SCI_TIMED_OUT_BYTES];
	struct sci_report report = { "the-id", 1234567, 20001, 128, 30 * 1024 + 1, NULL, NULL };

	(void)state;
	size_t len = sci_log_start(line, "the-id");
	assert_int_equal(len, strlen(line));
	assert_string_equal(line, "START RequestId: the-id Version: $LATEST\n");
	sci_log_end(line, "the-id");
	assert_string_equal(line, "END RequestId: the-id\n");
	len = sci_log_report(line, &report);
	assert_int_equal(len, strlen(line));
	assert_string_equal(line,
		"REPORT RequestId: the-id\tDuration: 1234.57 ms\tBilled Duration: 1255 ms\t"
		"Memory Size: 128 MB\tMax Memory Used: 31 MB\tInit Duration: 20.00 ms\t\n");
	report = (struct sci_report){ "the-id", 1000, -1, 256, 1024, "error", "Runtime.ExitError" };
	sci_log_report(line, &report);
	assert_string_equal(line,
		"REPORT RequestId: the-id\tDuration: 1.00 ms\tBilled Duration: 1 ms\t"
		"Memory Size: 256 MB\tMax Memory Used: 1 MB\tStatus: error\t"
		"Error Type: Runtime.ExitError\t\n");
	report = (struct sci_report){ "the-id", 3000001, -1, 128, 1024, "timeout", NULL };
	sci_log_report(line, &report);
	assert_string_equal(line,
		"REPORT RequestId: the-id\tDuration: 3000.00 ms\tBilled Duration: 3001 ms\t"
		"Memory Size: 128 MB\tMax Memory Used: 1 MB\tStatus: timeout\t\n");
	sci_log_init_report(line, 10000123, "timeout", NULL);
	assert_string_equal(line,
		"INIT_REPORT Init Duration: 10000.12 ms\tPhase: init\tStatus: timeout\t\n");
	sci_log_timed_out(text, INT64_C(1767225600007), "the-id", 3000);
	assert_string_equal(text,
		"2026-01-01T00:00:00.007Z the-id Task timed out after 3.00 seconds");
}

static void log_lines_are_bounded(void **state)
{
	char line[SCI_LOG_LINE_BYTES], long_text[2000];
	struct sci_report report = { long_text, 1, 1, 1, 1, long_text, long_text };

	(void)state;
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	assert_int_equal(sci_log_report(line, &report), sizeof line - 1);
	assert_int_equal(strlen(line), sizeof line - 1);
}

/* The ring compared with its definition, with pieces of all significant sizes. */
static void log_tail(void **state)
{
	static const size_t sizes[] = { 0, 1, 10, 4095, 4096, 4097, 9000, 3, 4096, 2000, 2000,
		2000 };
	static struct sci_log_tail tail;
	static char all[64 * 1024], out[SCI_LOG_TAIL_BYTES];
	size_t total = 0;

	(void)state;
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)(i * 31 + i / 251);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		sci_log_tail_put(&tail, all + total, sizes[i]);
		total += sizes[i];
		size_t expected = total < sizeof out ? total : sizeof out;
		assert_int_equal(sci_log_tail_copy(&tail, out), expected);
		assert_memory_equal(out, all + total - expected, expected);
	}
}

/* ---- Frames. ---- */

struct events {
	char all[1024];
	size_t len, count, longest;
};

/* Appends a mark after each event. */
static void on_event(void *arg, const char *text, size_t len)
{
	struct events *events = arg;

	assert_int_equal(text[len - 1], '\n');
	events->count++;
	events->longest = len > events->longest ? len : events->longest;
	if (events->len + len < sizeof events->all) {
		memcpy(events->all + events->len, text, len);
		events->len += len;
		events->all[events->len++] = '|';
	}
}

#define TIME "\0\6\x12\x34\x56\x78\x9a\xbc"

/* Put the bytes in pieces of `piece`, and then flush. */
static void put_in_pieces(const char *data, size_t len, size_t piece, struct events *events)
{
	struct sci_log_frames frames = { .event = on_event, .arg = events };

	*events = (struct events){ 0 };
	for (size_t at = 0; at < len; at += piece)
		sci_log_frames_put(&frames, data + at, len - at < piece ? len - at : piece);
	sci_log_frames_flush(&frames);
	sci_log_frames_fini(&frames);
}

static void assert_events(const char *data, size_t len, const char *expected)
{
	struct events events;

	for (size_t piece = 1; piece <= len; piece++) {
		put_in_pieces(data, len, piece, &events);
		assert_int_equal(events.len, strlen(expected));
		assert_memory_equal(events.all, expected, events.len);
	}
}

#define ASSERT_EVENTS(data, expected) assert_events(data, sizeof(data) - 1, expected)

static void log_frames(void **state)
{
	(void)state;
	/* Text, JSON, a level; with a newline at the end and without one. */
	ASSERT_EVENTS("\xa5\x5a\0\3\0\0\0\3" TIME "one\xa5\x5a\0\2\0\0\0\3" TIME "{}\n"
		      "\xa5\x5a\0\x17\0\0\0\5" TIME "a\n\tb\n",
		"one\n|{}\n|a\n\tb\n|");
	/* Without a time; without text. */
	ASSERT_EVENTS("\xa5\x5a\0\1\0\0\0\3old\xa5\x5a\0\1\0\0\0\0"
		      "\xa5\x5a\0\3\0\0\0\0" TIME "\xa5\x5a\0\3\0\0\0\1" TIME "x",
		"old\n|x\n|");
	/* The end comes too early. */
	ASSERT_EVENTS("\xa5\x5a\0\3\xff\xff\xff\xff" TIME "half of it", "half of it\n|");
	ASSERT_EVENTS("\xa5\x5a\0\3\0\0\0\1" TIME, "");
}

static void invalid_log_frames(void **state)
{
	(void)state;
	ASSERT_EVENTS("plain text\nof two lines", "plain text\n|of two lines\n|");
	/* After the first invalid header, a valid frame is text too. */
	ASSERT_EVENTS("\xa5\x5a\0\3\0\0\0\3" TIME "onetwo\n\xa5\x5a\x80\3\n",
		"one\n|two\n|\xa5\x5a\x80\3\n|");
}

static void log_frames_are_bounded(void **state)
{
	enum { LENGTH = 600000 };
	static char data[SCI_LOG_FRAME_HEADER_BYTES + LENGTH] = "\xa5\x5a\0\3\0\x09\x27\xc0";
	struct events events;

	(void)state;
	memset(data + SCI_LOG_FRAME_HEADER_BYTES, 'x', LENGTH);
	put_in_pieces(data, sizeof data, 65536, &events);
	assert_int_equal(events.count, 3);
	assert_int_equal(events.longest, SCI_LOG_EVENT_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_names),
		cmocka_unit_test(invalid_names),
		cmocka_unit_test(base64_round_trip),
		cmocka_unit_test(invalid_base64),
		cmocka_unit_test(valid_json),
		cmocka_unit_test(invalid_json),
		cmocka_unit_test(json_nested),
		cmocka_unit_test(json_as_jansson_judges_it),
		cmocka_unit_test(log_lines),
		cmocka_unit_test(log_lines_are_bounded),
		cmocka_unit_test(log_tail),
		cmocka_unit_test(log_frames),
		cmocka_unit_test(invalid_log_frames),
		cmocka_unit_test(log_frames_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
