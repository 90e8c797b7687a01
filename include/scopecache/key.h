/* scopecache/key.h - keys made of typed parts.
 *
 * A key is a list of parts, each with its type, and two keys are the same only when they have the
 * same parts in the same order: ("a-b", "c") and ("a", "b-c") never meet, nor do "1" and 1, an empty
 * text and no text, a text and the same bytes. Nothing is formatted, joined or cut.
 *
 *	SC_KEY(user, year)				each argument becomes a part by its type
 *	SC_KEY("report", SC_BYTES(digest, 32))
 *	struct sc_part parts[] = { sc_part_text(user) };	when the number of parts is not known
 *	struct sc_key key = { parts, 1 };
 *
 * In C++ SC_KEY() is in key.hpp, and makes a scopecache::key.
 */
#ifndef SCOPECACHE_KEY_H
#define SCOPECACHE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A key has 1 to SC_KEY_PARTS_MAX parts, whose texts and bytes are at most SC_KEY_BYTES_MAX together.
 * A key beyond that is refused with SC_E_TOO_LARGE; nothing is ever cut. */
#define SC_KEY_PARTS_MAX 8
#define SC_KEY_BYTES_MAX 65536

enum sc_part_type {
	SC_PART_ABSENT,   /* no value: what NULL or None would be */
	SC_PART_BOOL,     /* number: 0 or 1 */
	SC_PART_INTEGER,  /* number */
	SC_PART_UNSIGNED, /* (uint64_t)number, for what is past INT64_MAX */
	SC_PART_TEXT,     /* data, len; the encoding is the caller's business */
	SC_PART_BYTES     /* data, len */
};

/* One part. Make it with the functions below: they keep what a type does not use at zero. */
struct sc_part {
	enum sc_part_type type;
	int64_t number;
	const void *data;
	size_t len;
};

/* A key, as calls take it: borrowed for the duration of the call, copied if it is stored. */
struct sc_key {
	const struct sc_part *parts;
	size_t count;
};

/* An integer is the same part whatever C type it comes from: 7, 7L, (size_t)7. */
static inline struct sc_part sc_part_integer(long long number)
{
	struct sc_part part = { SC_PART_INTEGER, (int64_t)number, NULL, 0 };
	return part;
}

static inline struct sc_part sc_part_unsigned(unsigned long long number)
{
	struct sc_part part = { SC_PART_UNSIGNED, (int64_t)number, NULL, 0 };
	if (number <= (unsigned long long)INT64_MAX)
		part.type = SC_PART_INTEGER;
	return part;
}

/* A truth value is not the same part as 0 or 1. In C17 `true` is an int: write (bool)true, or give a
 * variable of type bool. */
static inline struct sc_part sc_part_bool(bool truth)
{
	struct sc_part part = { SC_PART_BOOL, truth, NULL, 0 };
	return part;
}

static inline struct sc_part sc_part_absent(void)
{
	struct sc_part part = { SC_PART_ABSENT, 0, NULL, 0 };
	return part;
}

/* A text up to its NUL; NULL is the absent part, which is not the empty text. The bytes stay the
 * caller's, and must stay as they are during the call that the key is given to. */
static inline struct sc_part sc_part_text(const char *text)
{
	struct sc_part part = { SC_PART_TEXT, 0, text, 0 };
	if (!text)
		return sc_part_absent();
	part.len = strlen(text);
	return part;
}

/* A text or bytes of a given length; `data` may be NULL when `len` is 0. */
static inline struct sc_part sc_part_text_n(const char *text, size_t len)
{
	struct sc_part part = { SC_PART_TEXT, 0, text, len };
	return part;
}

static inline struct sc_part sc_part_bytes(const void *data, size_t len)
{
	struct sc_part part = { SC_PART_BYTES, 0, data, len };
	return part;
}

static inline struct sc_part sc_part_self(struct sc_part part)
{
	return part;
}

#define SC_BYTES(data, len)  sc_part_bytes(data, len)
#define SC_TEXT_N(data, len) sc_part_text_n(data, len)
#define SC_ABSENT            sc_part_absent()

#ifndef __cplusplus

/* The part that a C value makes, by its type. A type that is not listed does not compile: floating
 * point has no useful equality, and a pointer's value must not decide what is found. */
#define SC_PART(value)                                                                             \
	_Generic((value),                                                                          \
		struct sc_part: sc_part_self,                                                      \
		char *: sc_part_text,                                                              \
		const char *: sc_part_text,                                                        \
		_Bool: sc_part_bool,                                                               \
		signed char: sc_part_integer,                                                      \
		short: sc_part_integer,                                                            \
		int: sc_part_integer,                                                              \
		long: sc_part_integer,                                                             \
		long long: sc_part_integer,                                                        \
		unsigned char: sc_part_unsigned,                                                   \
		unsigned short: sc_part_unsigned,                                                  \
		unsigned int: sc_part_unsigned,                                                    \
		unsigned long: sc_part_unsigned,                                                   \
		unsigned long long: sc_part_unsigned)(value)

/* A key of 1 to 8 values; each is evaluated once. It lives as long as the block it is written in. */
#define SC_KEY(...)                                                                                \
	SC_KEY_PICK(__VA_ARGS__, SC_KEY_TOO_MANY_PARTS, SC_KEY_TOO_MANY_PARTS,                     \
		SC_KEY_TOO_MANY_PARTS, SC_KEY_TOO_MANY_PARTS, SC_KEY_8, SC_KEY_7, SC_KEY_6,        \
		SC_KEY_5, SC_KEY_4, SC_KEY_3, SC_KEY_2, SC_KEY_1, 0)                               \
	(__VA_ARGS__)

#define SC_KEY_PICK(a, b, c, d, e, f, g, h, i, j, k, l, name, ...) name

#define SC_KEY_OF(n, ...) ((struct sc_key){ (const struct sc_part[]){ __VA_ARGS__ }, n })

#define SC_KEY_PARTS_2(a, b)       SC_PART(a), SC_PART(b)
#define SC_KEY_PARTS_4(a, b, c, d) SC_KEY_PARTS_2(a, b), SC_KEY_PARTS_2(c, d)
#define SC_KEY_1(a)                SC_KEY_OF(1, SC_PART(a))
#define SC_KEY_2(a, b)             SC_KEY_OF(2, SC_KEY_PARTS_2(a, b))
#define SC_KEY_3(a, b, c)          SC_KEY_OF(3, SC_KEY_PARTS_2(a, b), SC_PART(c))
#define SC_KEY_4(a, b, c, d)       SC_KEY_OF(4, SC_KEY_PARTS_4(a, b, c, d))
#define SC_KEY_5(a, b, c, d, e)    SC_KEY_OF(5, SC_KEY_PARTS_4(a, b, c, d), SC_PART(e))
#define SC_KEY_6(a, b, c, d, e, f) SC_KEY_OF(6, SC_KEY_PARTS_4(a, b, c, d), SC_KEY_PARTS_2(e, f))
#define SC_KEY_7(a, b, c, d, e, f, g)                                                              \
	SC_KEY_OF(7, SC_KEY_PARTS_4(a, b, c, d), SC_KEY_PARTS_2(e, f), SC_PART(g))
#define SC_KEY_8(a, b, c, d, e, f, g, h)                                                           \
	SC_KEY_OF(8, SC_KEY_PARTS_4(a, b, c, d), SC_KEY_PARTS_4(e, f, g, h))

#endif

#ifdef __cplusplus
}
#endif

#endif
