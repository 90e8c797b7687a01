/* Keys: the parts that C values make, different keys for different lists of parts, and refused
 * keys. Both the encoding and the cache are tested. */
#include "cache/cache_fixture.h"

#include "cache/fetch_with_loader.h"
#include "cache/key_bytes.h"

#include <limits.h>
#include <stdio.h>

#define assert_part(value, type_, number_)                                                         \
	do {                                                                                       \
		struct sc_part part_ = SC_PART(value);                                             \
		assert_int_equal(part_.type, type_);                                               \
		assert_true(part_.number == (int64_t)(number_));                                   \
		assert_null(part_.data);                                                           \
		assert_int_equal(part_.len, 0);                                                    \
	} while (0)

static void integers_of_every_type(void **state)
{
	signed char tiny = -5;
	const short small = -300;
	volatile int middle = INT_MIN;
	long large = LONG_MAX;
	long long larger = LLONG_MIN;
	unsigned char utiny = 255;
	unsigned short usmall = 65535;
	unsigned middling = UINT_MAX;
	enum colour { RED, GREEN } colour = GREEN;
	int64_t i64 = INT64_MIN;
	uint8_t u8 = 8;
	size_t size = 7;

	(void)state;
	assert_part(tiny, SC_PART_INTEGER, -5);
	assert_part(small, SC_PART_INTEGER, -300);
	assert_part(middle, SC_PART_INTEGER, INT_MIN);
	assert_part(large, SC_PART_INTEGER, LONG_MAX);
	assert_part(larger, SC_PART_INTEGER, LLONG_MIN);
	assert_part(utiny, SC_PART_INTEGER, 255);
	assert_part(usmall, SC_PART_INTEGER, 65535);
	assert_part(middling, SC_PART_INTEGER, UINT_MAX);
	assert_part(colour, SC_PART_INTEGER, 1);
	assert_part(RED, SC_PART_INTEGER, 0);
	assert_part('x', SC_PART_INTEGER, 'x');
	assert_part(i64, SC_PART_INTEGER, INT64_MIN);
	assert_part(u8, SC_PART_INTEGER, 8);
	assert_part(size, SC_PART_INTEGER, 7);
	assert_part(7ul, SC_PART_INTEGER, 7);
	assert_part(7ull, SC_PART_INTEGER, 7);
	assert_part((size_t)INT64_MAX, SC_PART_INTEGER, INT64_MAX);
	assert_part((size_t)INT64_MAX + 1, SC_PART_UNSIGNED, INT64_MIN);
	assert_part(UINT64_MAX, SC_PART_UNSIGNED, -1);
	assert_part(ULLONG_MAX - 1, SC_PART_UNSIGNED, -2);
}

static void truth_values_and_absence(void **state)
{
	bool yes = true;
	const bool no = false;

	(void)state;
	assert_part(yes, SC_PART_BOOL, 1);
	assert_part(no, SC_PART_BOOL, 0);
	assert_part((bool)true, SC_PART_BOOL, 1);
	assert_part((bool)0.5, SC_PART_BOOL, 1);
	assert_part(SC_ABSENT, SC_PART_ABSENT, 0);
	assert_part((char *)NULL, SC_PART_ABSENT, 0);
	assert_part((const char *)NULL, SC_PART_ABSENT, 0);
}

static void assert_bytes(struct sc_part part, enum sc_part_type type, const void *data, size_t len)
{
	assert_int_equal(part.type, type);
	assert_int_equal(part.number, 0);
	assert_ptr_equal(part.data, data);
	assert_int_equal(part.len, len);
}

static void texts_and_bytes(void **state)
{
	char array[16] = "ab\0cd";
	const char constant[] = "abc";
	char *pointer = array;
	struct sc_part part = sc_part_text("inner");

	(void)state;
	assert_bytes(SC_PART(array), SC_PART_TEXT, array, 2);
	assert_bytes(SC_PART(constant), SC_PART_TEXT, constant, 3);
	assert_bytes(SC_PART(pointer), SC_PART_TEXT, array, 2);
	assert_bytes(SC_PART(pointer + 2), SC_PART_TEXT, array + 2, 0);
	assert_bytes(SC_PART(SC_TEXT_N(array, 5)), SC_PART_TEXT, array, 5);
	assert_bytes(SC_PART(SC_BYTES(array, 16)), SC_PART_BYTES, array, 16);
	assert_bytes(SC_PART(SC_BYTES(NULL, 0)), SC_PART_BYTES, NULL, 0);
	assert_bytes(SC_PART(SC_TEXT_N(NULL, 0)), SC_PART_TEXT, NULL, 0);
	assert_bytes(SC_PART(part), SC_PART_TEXT, part.data, 5);
	assert_int_equal(SC_PART("literal").len, 7);
	assert_int_equal(SC_PART("").type, SC_PART_TEXT);
}

#define assert_numbers(key_, count_)                                                               \
	do {                                                                                       \
		struct sc_key of_ = (key_);                                                        \
		assert_int_equal(of_.count, count_);                                               \
		for (size_t i_ = 0; i_ < of_.count; i_++)                                          \
			assert_int_equal(of_.parts[i_].number, i_ + 1);                            \
	} while (0)

static int count_up(int *n)
{
	return ++*n;
}

static void one_to_eight_parts_each_evaluated_once(void **state)
{
	int n = 0;

	(void)state;
	assert_numbers(SC_KEY(1), 1);
	assert_numbers(SC_KEY(1, 2), 2);
	assert_numbers(SC_KEY(1, 2, 3), 3);
	assert_numbers(SC_KEY(1, 2, 3, 4), 4);
	assert_numbers(SC_KEY(1, 2, 3, 4, 5), 5);
	assert_numbers(SC_KEY(1, 2, 3, 4, 5, 6), 6);
	assert_numbers(SC_KEY(1, 2, 3, 4, 5, 6, 7), 7);
	assert_numbers(SC_KEY(1, 2, 3, 4, 5, 6, 7, 8), 8);

	struct sc_key key = SC_KEY(count_up(&n), "x", count_up(&n));
	assert_int_equal(n, 2);
	assert_int_equal(key.parts[0].number, 1);
	assert_int_equal(key.parts[2].number, 2);
}

/* ---- A key as bytes ---- */

static void assert_same_part(const struct sc_part *got, const struct sc_part *want)
{
	assert_int_equal(got->type, want->type);
	assert_true(got->number == want->number);
	assert_int_equal(got->len, want->len);
	if (want->len)
		assert_memory_equal(got->data, want->data, want->len);
	if (want->type == SC_PART_TEXT || want->type == SC_PART_BYTES)
		assert_int_equal(((const char *)got->data)[got->len], 0);
}

static void assert_read_back(const struct sci_lookup_key *bytes, struct sc_key key)
{
	struct sci_key_parts parts;
	/* A block of exactly the needed size: AddressSanitizer detects a write past its end. */
	unsigned char *exact = malloc(bytes->name.len);
	char *text = malloc(sci_key_text_bytes(bytes->name.len));

	assert_non_null(exact);
	assert_non_null(text);
	memcpy(exact, bytes->name.key, bytes->name.len);
	sci_key_decode(&parts, text, exact, bytes->name.len);
	assert_int_equal(parts.count, key.count);
	for (size_t i = 0; i < key.count; i++)
		assert_same_part(&parts.parts[i], &key.parts[i]);
	free(text);
	free(exact);
}

/* Parts that are easily confused: bytes that equal type codes, lengths and numbers of other
 * parts. */
static const struct sc_part alphabet[] = {
	{ SC_PART_ABSENT, 0, NULL, 0 },
	{ SC_PART_BOOL, 0, NULL, 0 },
	{ SC_PART_BOOL, 1, NULL, 0 },
	{ SC_PART_INTEGER, 0, NULL, 0 },
	{ SC_PART_INTEGER, 1, NULL, 0 },
	{ SC_PART_INTEGER, 2, NULL, 0 },
	{ SC_PART_INTEGER, -1, NULL, 0 },
	{ SC_PART_INTEGER, 63, NULL, 0 },
	{ SC_PART_INTEGER, 64, NULL, 0 },
	{ SC_PART_INTEGER, INT64_MAX, NULL, 0 },
	{ SC_PART_INTEGER, INT64_MIN, NULL, 0 },
	{ SC_PART_UNSIGNED, -1, NULL, 0 },
	{ SC_PART_UNSIGNED, INT64_MIN, NULL, 0 },
	{ SC_PART_TEXT, 0, "", 0 },
	{ SC_PART_TEXT, 0, "\0", 1 },
	{ SC_PART_TEXT, 0, "\1", 1 },
	{ SC_PART_TEXT, 0, "\4", 1 },
	{ SC_PART_TEXT, 0, "\4\0", 2 },
	{ SC_PART_TEXT, 0, "a", 1 },
	{ SC_PART_TEXT, 0, "ab", 2 },
	{ SC_PART_TEXT, 0, "\4\1a", 3 },
	{ SC_PART_BYTES, 0, "", 0 },
	{ SC_PART_BYTES, 0, "\0", 1 },
	{ SC_PART_BYTES, 0, "\4", 1 },
	{ SC_PART_BYTES, 0, "a", 1 },
	{ SC_PART_BYTES, 0, "\4\1a", 3 },
};

#define LETTERS (sizeof alphabet / sizeof alphabet[0])
#define LISTS   (LETTERS + LETTERS * LETTERS + LETTERS * LETTERS * LETTERS)

struct encoded {
	unsigned char data[64];
	size_t len;
};

static int compare(const void *a, const void *b)
{
	const struct encoded *x = a, *y = b;
	int order = memcmp(x->data, y->data, sizeof x->data);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void encode_list(struct encoded *out, struct sc_key key)
{
	struct sci_lookup_key bytes;

	assert_int_equal(sci_key_encode(&bytes, key), 0);
	assert_read_back(&bytes, key);
	assert_in_range(bytes.name.len, 1, sizeof out->data);
	memset(out, 0, sizeof *out);
	memcpy(out->data, bytes.name.key, bytes.name.len);
	out->len = bytes.name.len;
	sci_key_fini(&bytes);
}

static void no_two_lists_are_the_same_key(void **state)
{
	struct encoded *all = calloc(LISTS, sizeof *all);
	size_t count = 0;

	(void)state;
	assert_non_null(all);
	for (size_t parts = 1, lists = LETTERS; parts <= 3; parts++, lists *= LETTERS) {
		for (size_t list = 0; list < lists; list++) {
			struct sc_part chosen[3];
			for (size_t i = 0, rest = list; i < parts; i++, rest /= LETTERS)
				chosen[i] = alphabet[rest % LETTERS];
			encode_list(&all[count++], (struct sc_key){ chosen, parts });
		}
	}
	assert_int_equal(count, LISTS);
	qsort(all, count, sizeof *all, compare);
	for (size_t i = 1; i < count; i++)
		assert_int_not_equal(compare(&all[i - 1], &all[i]), 0);
	free(all);
}

/* Lengths around those whose own encoding takes one more byte, and around the size of the inline
 * buffer. */
static void every_length_reads_back(void **state)
{
	static char text[70000];
	struct sci_lookup_key bytes;

	(void)state;
	sct_fill(text, sizeof text, 1);
	for (size_t len = 0; len <= SC_KEY_BYTES_MAX; len += len < 600 || len > 65500 ? 1 : 251) {
		struct sc_key key = SC_KEY(SC_TEXT_N(text, len), 1, SC_BYTES(text + 1, 0));
		assert_int_equal(sci_key_encode(&bytes, key), 0);
		assert_true(len > SCI_KEY_BYTES_INLINE - 40 || !bytes.fini);
		assert_true(len <= SCI_KEY_BYTES_INLINE || bytes.fini == SCI_KEY_ALLOCATED);
		assert_read_back(&bytes, key);
		sci_key_fini(&bytes);
	}
}

/* Keys are compared in whole words, so the bytes after the key's end must be zero. */
static void assert_words(const struct sci_lookup_key *bytes)
{
	const unsigned char *word = (const unsigned char *)bytes->name.words;

	assert_ptr_equal(word + SCI_KEY_AT, bytes->name.key);
	for (size_t i = SCI_KEY_AT + bytes->name.len; i % sizeof bytes->name.words[0]; i++)
		assert_int_equal(word[i], 0);
}

/* A short key has its own encoder, which must write the same bytes. */
static void assert_same_if_short(const struct sci_lookup_key *bytes, struct sc_key key)
{
	struct sci_hash_secret secret = sci_hash_secret_fixed(1);
	struct sci_lookup_key same;

	if (!sci_key_is_short(key))
		return;
	memset(&same, 0xA5, sizeof same);
	sci_short_key(&same, sci_short_name(key.parts, &secret));
	assert_int_equal(same.name.len, bytes->name.len);
	assert_memory_equal(same.name.key, bytes->name.key, bytes->name.len);
	assert_words(&same);
	sci_key_fini(&same);
}

/* A key of a scope is the scope and then the key; a short one has its own encoder too. */
static void assert_scoped(const struct sci_lookup_key *bytes, struct sc_key key)
{
	static const uint64_t scopes[] = { 1, 0x123456789ABCDEF0, UINT64_MAX };
	struct sci_hash_secret secret = sci_hash_secret_fixed(1);

	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
		struct sci_lookup_key scoped, other;
		memset(&scoped, 0xA5, sizeof scoped);
		assert_int_equal(sci_key_encode_scoped(&scoped, key, scopes[i], &secret), 0);
		assert_int_equal(sci_key_encode_long_scoped(&other, key, scopes[i], &secret), 0);
		assert_int_equal(scoped.name.len, SCI_SCOPE_BYTES + bytes->name.len);
		assert_memory_equal((const char *)scoped.name.key + SCI_SCOPE_BYTES,
			bytes->name.key, bytes->name.len);
		assert_true(sci_key_scope(scoped.name.key, scoped.name.len) == scopes[i]);
		assert_true(sci_name_equals(&scoped.name, &other.name));
		assert_words(&scoped);
		assert_words(&other);
		sci_key_fini(&scoped);
		sci_key_fini(&other);
	}
	assert_true(sci_key_scope(bytes->name.key, bytes->name.len) == 0);
}

/* One text or one array of bytes, as most keys are. */
static void one_part_of_every_length(void **state)
{
	static char text[300];
	struct sci_lookup_key bytes;

	(void)state;
	sct_fill(text, sizeof text, 2);
	for (size_t len = 0; len < sizeof text; len++) {
		const struct sc_part parts[] = { sc_part_text_n(text, len),
			sc_part_bytes(text, len) };
		for (size_t i = 0; i < 2; i++) {
			struct sc_key key = { &parts[i], 1 };
			memset(&bytes, 0xA5, sizeof bytes);
			assert_int_equal(sci_key_encode(&bytes, key), 0);
			assert_int_equal(bytes.name.len, len + (len < 128 ? 2 : 3));
			assert_int_equal(((const unsigned char *)bytes.name.key)[0], parts[i].type);
			assert_memory_equal((const unsigned char *)bytes.name.key + bytes.name.len -
					len,
				text, len);
			assert_words(&bytes);
			assert_int_equal(sci_key_is_short(key), len <= SCI_SHORT_PART_MAX);
			assert_same_if_short(&bytes, key);
			assert_scoped(&bytes, key);
			assert_read_back(&bytes, key);
			sci_key_fini(&bytes);
		}
	}
	memset(&bytes, 0xA5, sizeof bytes);
	assert_int_equal(sci_key_encode(&bytes, SC_KEY("three", 2, SC_ABSENT)), 0);
	assert_words(&bytes);
}

static void assert_number(int64_t number, bool is_short)
{
	struct sc_key key = SC_KEY(number);
	struct sci_lookup_key bytes;

	assert_int_equal(sci_key_encode(&bytes, key), 0);
	assert_words(&bytes);
	assert_int_equal(sci_key_is_short(key), is_short);
	assert_same_if_short(&bytes, key);
	assert_scoped(&bytes, key);
	assert_read_back(&bytes, key);
	sci_key_fini(&bytes);
}

/* One integer: up to eight encoded bytes are a short key, and at some powers of two there is one
 * byte more. */
static void one_integer_of_every_size(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 63; bit++) {
		int64_t power = INT64_C(1) << bit;
		for (int64_t off = -2; off <= 2; off++) {
			int64_t number = power + off;
			assert_number(number, number < INT64_C(1) << 55);
			assert_number(-number, -number >= -(INT64_C(1) << 55));
		}
	}
	assert_number(INT64_MAX, false);
	assert_number(INT64_MIN, false);
}

/* ---- Refused keys change nothing ---- */

static int load_nothing(struct sc_load *load, void *context)
{
	(void)load;
	(void)context;
	fail_msg("a loader was called for a key that is not valid");
	return -1;
}

static void assert_refused(struct sc_cache *cache, struct sc_key key, int code)
{
	struct sc_cache_stats before = sct_stats(cache);
	struct sc_value value = { .len = 5 };
	struct sc_error error = { 0 };
	struct sci_lookup_key bytes;
	char buffer[4];
	size_t len = 99;

	assert_int_equal(sci_key_encode(&bytes, key), code);
	assert_int_equal(sc_cache_get(cache, key, buffer, sizeof buffer, &len), code);
	assert_int_equal(len, 0);
	assert_int_equal(sc_cache_acquire(cache, key, &value), code);
	sct_assert_no_value(&value);
	assert_int_equal(sc_cache_put(cache, key, "x", 1), code);
	assert_int_equal(sc_cache_invalidate(cache, key), code);
	value.len = 5;
	assert_int_equal(sct_fetch(cache, key, load_nothing, NULL, &value, &error), code);
	sct_assert_no_value(&value);
	assert_int_equal(error.code, code);
	assert_non_null(strstr(error.message, "key"));
	struct sc_cache_stats after = sct_stats(cache);
	assert_memory_equal(&before, &after, sizeof before);
}

static void keys_that_are_no_keys_are_refused(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	struct sc_part nine[9] = { { SC_PART_INTEGER, 1, NULL, 0 } };
	struct sc_part unknown = { (enum sc_part_type)6, 0, NULL, 0 };
	struct sc_part negative = { (enum sc_part_type) - 1, 0, NULL, 0 };

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY("a"), "kept"), SC_OK);
	assert_refused(cache, (struct sc_key){ NULL, 0 }, SC_E_INVAL);
	assert_refused(cache, (struct sc_key){ NULL, 1 }, SC_E_INVAL);
	assert_refused(cache, (struct sc_key){ nine, 0 }, SC_E_INVAL);
	assert_refused(cache, (struct sc_key){ nine, 9 }, SC_E_TOO_LARGE);
	assert_refused(cache, (struct sc_key){ nine, SIZE_MAX }, SC_E_TOO_LARGE);
	assert_int_equal(sct_put(cache, (struct sc_key){ nine, 8 }, "eight"), SC_OK);
	sct_assert_get(cache, (struct sc_key){ nine, 8 }, "eight");
	assert_refused(cache, SC_KEY("a", unknown), SC_E_INVAL);
	assert_refused(cache, SC_KEY("a", negative), SC_E_INVAL);
	assert_refused(cache, SC_KEY(SC_BYTES(NULL, 1)), SC_E_INVAL);
	assert_refused(cache, SC_KEY(SC_TEXT_N(NULL, 1)), SC_E_INVAL);
	assert_refused(cache, SC_KEY(SC_BYTES("", SIZE_MAX)), SC_E_TOO_LARGE);
	assert_refused(cache, SC_KEY(SC_BYTES("", 1), SC_BYTES("", SIZE_MAX)), SC_E_TOO_LARGE);
	sct_assert_get(cache, SC_KEY("a"), "kept");
	sc_cache_close(cache);
}

static void keys_may_be_as_long_as_the_limit_and_no_longer(void **state)
{
	static char text[SC_KEY_BYTES_MAX + 1];
	struct sc_cache *cache = sct_cache_open(NULL);
	struct sc_part halves[] = { sc_part_text_n(text, SC_KEY_BYTES_MAX / 2),
		sc_part_bytes(text, SC_KEY_BYTES_MAX / 2), sc_part_integer(1) };

	(void)state;
	assert_int_equal(sct_put(cache, SC_KEY(SC_BYTES(text, SC_KEY_BYTES_MAX)), "one"), SC_OK);
	assert_int_equal(sct_put(cache, (struct sc_key){ halves, 3 }, "two"), SC_OK);
	sct_assert_get(cache, SC_KEY(SC_BYTES(text, SC_KEY_BYTES_MAX)), "one");
	sct_assert_get(cache, (struct sc_key){ halves, 3 }, "two");
	assert_refused(cache, SC_KEY(SC_BYTES(text, SC_KEY_BYTES_MAX + 1)), SC_E_TOO_LARGE);
	halves[0].len++;
	assert_refused(cache, (struct sc_key){ halves, 3 }, SC_E_TOO_LARGE);
	sc_cache_close(cache);
}

static void similar_keys_are_different_keys(void **state)
{
	struct sc_cache *cache = sct_cache_open(NULL);
	struct sc_key keys[] = {
		SC_KEY("a-b", "c"),
		SC_KEY("a", "b-c"),
		SC_KEY("a-b-c"),
		SC_KEY("1"),
		SC_KEY(1),
		SC_KEY((bool)true),
		SC_KEY(SC_BYTES("1", 1)),
		SC_KEY("1", ""),
		SC_KEY("", "1"),
		SC_KEY("1", SC_ABSENT),
		SC_KEY(""),
		SC_KEY(SC_ABSENT),
		SC_KEY(SC_ABSENT, SC_ABSENT),
		SC_KEY(-1),
		SC_KEY(UINT64_MAX),
		SC_KEY(0),
		SC_KEY((bool)false),
		SC_KEY(SC_TEXT_N("1\0", 2)),
	};
	const size_t count = sizeof keys / sizeof keys[0];
	char text[16];

	(void)state;
	for (size_t i = 0; i < count; i++) {
		snprintf(text, sizeof text, "value %zu", i);
		assert_int_equal(sct_put(cache, keys[i], text), SC_OK);
	}
	for (size_t i = 0; i < count; i++) {
		snprintf(text, sizeof text, "value %zu", i);
		sct_assert_get(cache, keys[i], text);
	}
	assert_int_equal(sct_stats(cache).entries, count);
	/* The same values from other C types are the same keys. */
	sct_assert_get(cache, SC_KEY((unsigned char)1), "value 4");
	sct_assert_get(cache, SC_KEY((size_t)1), "value 4");
	sct_assert_get(cache, SC_KEY(-1LL), "value 13");
	sct_assert_get(cache, SC_KEY((const char *)NULL), "value 11");
	sct_assert_get(cache, SC_KEY(SC_TEXT_N(NULL, 0)), "value 10");
	sct_assert_get(cache, SC_KEY(SC_BYTES(NULL, 0)), NULL);
	sc_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_of_every_type),
		cmocka_unit_test(truth_values_and_absence),
		cmocka_unit_test(texts_and_bytes),
		cmocka_unit_test(one_to_eight_parts_each_evaluated_once),
		cmocka_unit_test(no_two_lists_are_the_same_key),
		cmocka_unit_test(every_length_reads_back),
		cmocka_unit_test(one_part_of_every_length),
		cmocka_unit_test(one_integer_of_every_size),
		cmocka_unit_test(keys_that_are_no_keys_are_refused),
		cmocka_unit_test(keys_may_be_as_long_as_the_limit_and_no_longer),
		cmocka_unit_test(similar_keys_are_different_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
