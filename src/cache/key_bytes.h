/* A key as bytes: what the engine compares, and what the hash is made of. */
#ifndef SCI_CACHE_KEY_BYTES_H
#define SCI_CACHE_KEY_BYTES_H

#include "base/hash.h"
#include "engine/words.h"

#include <scopecache/key.h>

#include <stdbool.h>

/* Most keys fit here; longer ones are allocated. */
#define SCI_KEY_BYTES_INLINE 256

struct sci_key_bytes {
	const unsigned char *data;
	size_t len;
	/* The same, laid out as struct sci_name wants its words: data begins in the middle of the first. */
	const uint64_t *words;
	void *allocated;
	uint64_t small[SCI_KEY_BYTES_INLINE / sizeof(uint64_t)];
};

/* Where a key begins in its words. */
#define SCI_KEY_AT 4u

/* So long a key is in these words, which nobody allocated. */
static inline void sci_key_bytes_set(struct sci_key_bytes *bytes, const uint64_t *words, size_t len)
{
	bytes->words = words;
	bytes->data = (const unsigned char *)words + SCI_KEY_AT;
	bytes->len = len;
	bytes->allocated = NULL;
}

/* Write `key` as bytes. Two keys have the same bytes only if they have the same parts.
 *
 * returns  0; SC_E_INVAL for a key without parts or a part that is not one; SC_E_TOO_LARGE for too many
 *          parts or bytes; SC_E_NOMEM. Only after 0 there is something to sci_key_bytes_fini(). */
int sci_key_encode(struct sci_key_bytes *bytes, struct sc_key key);

static inline bool sci_part_has_bytes(const struct sc_part *part)
{
	return part->type == SC_PART_TEXT || part->type == SC_PART_BYTES;
}

/* Most keys are one short text, or a few bytes. */
#define SCI_SHORT_PART_MAX 16u

static inline bool sci_key_is_short(struct sc_key key)
{
	const struct sc_part *part = key.parts;

	return key.count == 1 && part && sci_part_has_bytes(part) &&
		part->len <= SCI_SHORT_PART_MAX && (part->data || part->len == 0);
}

/* Such a key as words: the bytes of its part, and what sci_key_encode() writes before them. */
struct sci_short_key {
	uint64_t head, tail;
	uint32_t before;
};

#define SCI_SHORT_KEY_BEFORE 2u

static inline struct sci_short_key sci_short_key_of(const struct sc_part *part)
{
	const unsigned char *from = part->data;
	size_t len = part->len;
	struct sci_short_key key = { .head = sci_word_of(from, len),
		.before = (uint32_t)part->type | (uint32_t)len << 8 };

	if (sci_is_likely(len > sizeof key.tail)) {
		memcpy(&key.tail, from + len - sizeof key.tail, sizeof key.tail);
		key.tail >>= (2 * sizeof key.tail - len) * 8;
	}
	return key;
}

/* The words that it has in a record (see struct sci_name); of the first, the upper half. They are never
 * written in pieces: what is read back as words a moment later would keep a processor waiting. */
static inline uint32_t sci_short_key_first(struct sci_short_key key)
{
	return key.before | (uint32_t)key.head << 16;
}

static inline uint64_t sci_short_key_second(struct sci_short_key key)
{
	return key.head >> 16 | key.tail << 48;
}

static inline uint64_t sci_short_key_third(struct sci_short_key key)
{
	return key.tail >> 16;
}

/* Write it as sci_key_encode() does. */
static inline void sci_short_key_encode(struct sci_short_key key, struct sci_key_bytes *bytes)
{
	bytes->small[0] = (uint64_t)sci_short_key_first(key) << 32;
	bytes->small[1] = sci_short_key_second(key);
	bytes->small[2] = sci_short_key_third(key);
	sci_key_bytes_set(bytes, bytes->small, SCI_SHORT_KEY_BEFORE + (key.before >> 8));
}

/* The hash of a short key, which sci_key_hash() gives too: what is before it is its head (hash.h). */
static inline uint64_t sci_short_key_hash(struct sci_short_key key,
	const struct sci_hash_secret *secret)
{
	return sci_hash_two(secret->start, key.head, key.tail, key.before, secret);
}

void sci_key_bytes_free(struct sci_key_bytes *bytes);

static inline void sci_key_bytes_fini(struct sci_key_bytes *bytes)
{
	if (bytes->allocated)
		sci_key_bytes_free(bytes);
}

/* The hash of any key, from its parts: equal keys have equal hashes. The key is one that can be encoded. */
uint64_t sci_key_hash(struct sc_key key, const struct sci_hash_secret *secret);

/* A key read back from its bytes: parts whose texts end with a NUL. */
struct sci_key_parts {
	struct sc_part parts[SC_KEY_PARTS_MAX];
	size_t count;
};

/* How much memory the texts of a key take that is `len` bytes long: each has at least two bytes of
 * its own before it, so their NULs have room. */
static inline size_t sci_key_text_bytes(size_t len)
{
	return len + 1;
}

/* Read the bytes that sci_key_encode() wrote; texts and bytes go into `text`, which the parts refer to. */
void sci_key_decode(struct sci_key_parts *parts, char *text, const unsigned char *data, size_t len);

#endif
