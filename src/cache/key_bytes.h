/* A key as bytes: what the engine compares, and what the hash is made of. */
#ifndef SCI_CACHE_KEY_BYTES_H
#define SCI_CACHE_KEY_BYTES_H

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

/* Write `key` as bytes. Two keys have the same bytes only if they have the same parts.
 *
 * returns  0; SC_E_INVAL for a key without parts or a part that is not one; SC_E_TOO_LARGE for too many
 *          parts or bytes; SC_E_NOMEM. Only after 0 there is something to sci_key_bytes_fini(). */
int sci_key_encode(struct sci_key_bytes *bytes, struct sc_key key);

static inline bool sci_part_has_bytes(const struct sc_part *part)
{
	return part->type == SC_PART_TEXT || part->type == SC_PART_BYTES;
}

/* Lay out a part of at most 16 bytes, whole words at a time: what is written in pieces and read back as
 * words a moment later keeps a processor waiting. */
static inline void sci_key_lay_out(uint64_t words[3], const struct sc_part *part)
{
	const unsigned char *from = part->data;
	size_t len = part->len;
	uint64_t head = sci_word_of(from, len), tail = 0;

	if (len > sizeof tail) {
		memcpy(&tail, from + len - sizeof tail, sizeof tail);
		tail >>= (2 * sizeof tail - len) * 8;
	}
	words[0] = ((uint64_t)part->type | (uint64_t)len << 8 | head << 16) << 32;
	words[1] = head >> 16 | tail << 48;
	words[2] = tail >> 16;
}

/* Most keys are one short text, or a few bytes: the same bytes as sci_key_encode()
 * writes, without its detours. False: it is no such key. */
static inline bool sci_key_encode_short(struct sci_key_bytes *bytes, struct sc_key key)
{
	const struct sc_part *part = key.parts;

	if (key.count != 1 || !part || !sci_part_has_bytes(part) || !part->data || part->len > 16)
		return false;
	sci_key_lay_out(bytes->small, part);
	bytes->allocated = NULL;
	bytes->words = bytes->small;
	bytes->data = (unsigned char *)bytes->small + SCI_KEY_AT;
	bytes->len = 2 + part->len;
	return true;
}

void sci_key_bytes_free(struct sci_key_bytes *bytes);

static inline void sci_key_bytes_fini(struct sci_key_bytes *bytes)
{
	if (bytes->allocated)
		sci_key_bytes_free(bytes);
}

/* The hash of a key, from its parts: equal keys have equal hashes. The key is one that can be encoded. */
uint64_t sci_key_hash(struct sc_key key, uint64_t seed);

/* A key read back from its bytes: parts whose texts end with a NUL. */
struct sci_key_parts {
	struct sc_part parts[SC_KEY_PARTS_MAX];
	size_t count;
	char *text;
};

/* Read the bytes that sci_key_encode() wrote. Returns 0, or SC_E_NOMEM. */
int sci_key_decode(struct sci_key_parts *parts, const unsigned char *data, size_t len);

void sci_key_parts_fini(struct sci_key_parts *parts);

#endif
