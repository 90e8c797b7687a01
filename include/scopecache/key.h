/* scopecache/key.h - keys made of typed parts.
 *
 * A key is a list of parts, each with a type. Two keys are equal only if they have equal parts in
 * the same order: ("a-b", "c") and ("a", "b-c") differ, and so do "1" and 1, an empty text and an
 * absent one, a text and the same bytes. Parts are not formatted, joined or truncated.
 *
 *	SC_KEY(user, year)				each argument becomes a part, by its type
 *	SC_KEY("report", SC_BYTES(digest, 32))
 *	struct sc_part parts[] = { sc_part_text(user) };	parts made at run time
 *	struct sc_key key = { parts, 1 };
 *
 * In C++, key.hpp defines SC_KEY(), which makes a scopecache::key.
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

/* The limits of a key: 1 to SC_KEY_PARTS_MAX parts, whose texts and bytes have at most
 * SC_KEY_BYTES_MAX bytes together. A larger key is refused with SC_E_TOO_LARGE. */
#define SC_KEY_PARTS_MAX 8
#define SC_KEY_BYTES_MAX 65536

/* The type of a part, and the fields that it uses. */
enum sc_part_type {
	SC_PART_ABSENT,   /* no value, as NULL or None */
	SC_PART_BOOL,     /* number: 0 or 1 */
	SC_PART_INTEGER,  /* number */
	SC_PART_UNSIGNED, /* (uint64_t)number, for numbers above INT64_MAX */
	SC_PART_TEXT,     /* data, len; any encoding */
	SC_PART_BYTES     /* data, len */
};

/* One part. Make it with the functions below: they set the fields that its type does not use to
 * 0. */
struct sc_part {
	enum sc_part_type type;
	int64_t number;
	const void *data;
	size_t len;
};

/* A key, as calls take it: borrowed during the call, copied if it is stored. */
struct sc_key {
	const struct sc_part *parts;
	size_t count;
};

/* Make a part from an integer. 7, 7L and (size_t)7 make the same part.
 *
 * returns  the part.
 * threads  any; does not block. */
static inline struct sc_part sc_part_integer(long long number)
{
	struct sc_part part = { SC_PART_INTEGER, (int64_t)number, NULL, 0 };
	return part;
}

/* Make a part from an unsigned integer: the same part as sc_part_integer() makes of that number.
 *
 * returns  the part.
 * threads  any; does not block. */
static inline struct sc_part sc_part_unsigned(unsigned long long number)
{
	struct sc_part part = { SC_PART_UNSIGNED, (int64_t)number, NULL, 0 };
	if (number <= (unsigned long long)INT64_MAX)
		part.type = SC_PART_INTEGER;
	return part;
}

/* Make a part from a truth value, which differs from the integers 0 and 1. In C17 `true` is an int:
 * in SC_KEY() write (bool)true, or a variable of type bool.
 *
 * returns  the part.
 * threads  any; does not block. */
static inline struct sc_part sc_part_bool(bool truth)
{
	struct sc_part part = { SC_PART_BOOL, truth, NULL, 0 };
	return part;
}

/* Make the part that stands for no value.
 *
 * returns  the part.
 * threads  any; does not block. */
static inline struct sc_part sc_part_absent(void)
{
	struct sc_part part = { SC_PART_ABSENT, 0, NULL, 0 };
	return part;
}

/* Make a part from a text that ends with a NUL.
 *
 * returns  the part; for NULL the absent part, which differs from the empty text.
 * owns     the bytes are borrowed, and must not change during the call that the key is passed to.
 * threads  any; does not block. */
static inline struct sc_part sc_part_text(const char *text)
{
	struct sc_part part = { SC_PART_TEXT, 0, text, 0 };
	if (!text)
		return sc_part_absent();
	part.len = strlen(text);
	return part;
}

/* Make a part from a text of `len` bytes; `text` may be NULL when `len` is 0.
 *
 * returns  the part.
 * owns     the bytes are borrowed, as by sc_part_text().
 * threads  any; does not block. */
static inline struct sc_part sc_part_text_n(const char *text, size_t len)
{
	struct sc_part part = { SC_PART_TEXT, 0, text, len };
	return part;
}

/* Make a part from `len` bytes; `data` may be NULL when `len` is 0.
 *
 * returns  the part.
 * owns     the bytes are borrowed, as by sc_part_text().
 * threads  any; does not block. */
static inline struct sc_part sc_part_bytes(const void *data, size_t len)
{
	struct sc_part part = { SC_PART_BYTES, 0, data, len };
	return part;
}

/* Private: a part, unchanged, for SC_PART(). */
static inline struct sc_part sc_part_self(struct sc_part part)
{
	return part;
}

/* Parts for SC_KEY() that need more than a value. */
#define SC_BYTES(data, len)  sc_part_bytes(data, len)
#define SC_TEXT_N(data, len) sc_part_text_n(data, len)
#define SC_ABSENT            sc_part_absent()

#ifndef __cplusplus

/* Make a part from a C value, by its type. Other types do not compile: equality of floating point
 * is not useful for a key, and neither is the value of a pointer. */
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

/* Make a key of 1 to 8 values; each is evaluated once. The key is valid until the end of the block
 * that it is written in. */
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
