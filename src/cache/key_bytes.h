/* A key ready for a shard: its bytes, which the engine compares, and the hash of its parts. */
#ifndef SCI_CACHE_KEY_BYTES_H
#define SCI_CACHE_KEY_BYTES_H

#include "base/hash.h"
#include "engine/shard.h"
#include "engine/words.h"

#include <scopecache/key.h>

#include <stdbool.h>
#include <string.h>

/* Most keys fit; longer ones are allocated. */
#define SCI_KEY_BYTES_INLINE 256

/* The offset of a key in its words, in bytes. */
#define SCI_KEY_AT 4u

/* What sci_key_fini() has to do: free the words, wipe them. */
#define SCI_KEY_ALLOCATED 1u
#define SCI_KEY_SECRET    2u

/* A name with its words, inline or allocated. Do not copy it: the name points to the words. */
struct sci_lookup_key {
	struct sci_name name;
	uint32_t fini; /* SCI_KEY_ALLOCATED, SCI_KEY_SECRET */
	uint64_t small[SCI_KEY_BYTES_INLINE / sizeof(uint64_t)];
};

/* Set a key of so many bytes in these words, which are not allocated. */
static inline void sci_key_set(struct sci_lookup_key *out, const uint64_t *words, size_t len)
{
	out->name.words = words;
	out->name.key = (const unsigned char *)words + SCI_KEY_AT;
	out->name.len = len;
	out->fini = 0;
}

/* A copy of a key at the end of another struct: so many bytes, all zero before. */
static inline size_t sci_key_copy_bytes(size_t len)
{
	return SCI_KEY_AT + len + sizeof(uint64_t);
}

static inline void sci_key_copy(uint64_t *words, const struct sci_name *name)
{
	memcpy((unsigned char *)words + SCI_KEY_AT, name->key, name->len);
}

/* The name of a copied key. */
static inline struct sci_name sci_key_copied(const uint64_t *words, size_t len, uint64_t hash)
{
	return (struct sci_name){
		.key = (const unsigned char *)words + SCI_KEY_AT,
		.len = len,
		.hash = hash,
		.words = words,
	};
}

static inline bool sci_name_equals(const struct sci_name *name, const struct sci_name *other)
{
	return name->hash == other->hash && name->len == other->len &&
		memcmp(name->key, other->key, name->len) == 0;
}

/* Encode `key`. Two keys have the same bytes only if they have the same parts. Does not set the
 * hash.
 *
 * returns  0, then call sci_key_fini(); SC_E_INVAL for a key without parts, or with a part that is
 *          none; SC_E_TOO_LARGE for too many parts or bytes; SC_E_NOMEM. */
int sci_key_encode(struct sci_lookup_key *out, struct sc_key key);

static inline bool sci_part_has_bytes(const struct sc_part *part)
{
	return part->type == SC_PART_TEXT || part->type == SC_PART_BYTES;
}

/* Most keys are one short text, a few bytes, or a number. */
#define SCI_SHORT_PART_MAX 16u

/* The largest number in eight bytes of seven bits. */
#define SCI_SHORT_NUMBER_MAX ((UINT64_C(1) << 56) - 1)

/* An integer as an unsigned one: 0, -1, 1, -2, ... */
static inline uint64_t sci_zigzag(int64_t number)
{
	return (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
}

static inline bool sci_key_is_short_text(struct sc_key key)
{
	const struct sc_part *part = key.parts;

	return key.count == 1 && part && sci_part_has_bytes(part) &&
		part->len <= SCI_SHORT_PART_MAX && (part->data || part->len == 0);
}

static inline bool sci_key_is_short_number(struct sc_key key)
{
	const struct sc_part *part = key.parts;

	return key.count == 1 && part && part->type == SC_PART_INTEGER &&
		sci_zigzag(part->number) <= SCI_SHORT_NUMBER_MAX;
}

static inline bool sci_key_is_short(struct sc_key key)
{
	return sci_key_is_short_text(key) || sci_key_is_short_number(key);
}

/* One text or a few bytes, as sci_key_encode() and sci_key_hash() do it, but in words: to read
 * words that were just written in pieces would stall the processor. */
static inline __attribute__((always_inline)) struct sci_quick_name sci_short_text_from(
	uint64_t state, const struct sc_part *part, const struct sci_hash_secret *secret)
{
	const unsigned char *from = part->data;
	size_t len = part->len;
	uint32_t before = (uint32_t)part->type | (uint32_t)len << 8;
	uint64_t head = sci_word_of(from, len), tail = 0;

	if (sci_is_likely(len > sizeof tail)) {
		memcpy(&tail, from + len - sizeof tail, sizeof tail);
		tail >>= (2 * sizeof tail - len) * 8;
	}
	return (struct sci_quick_name){
		.first = before | (uint32_t)head << 16,
		.second = head >> 16 | tail << 48,
		.third = tail >> 16,
		.len = 2 + len,
		.hash = sci_hash_two(state, head, tail, before, secret),
	};
}

static inline __attribute__((always_inline)) struct sci_quick_name sci_short_text(
	const struct sc_part *part, const struct sci_hash_secret *secret)
{
	return sci_short_text_from(secret->start, part, secret);
}

/* The same for a number. */
static inline __attribute__((always_inline)) struct sci_quick_name sci_short_number_from(
	uint64_t state, const struct sc_part *part, const struct sci_hash_secret *secret)
{
	uint64_t number = sci_zigzag(part->number), bytes = 0;
	unsigned bits = 0;

	for (; number >= 0x80; number >>= 7, bits += 8)
		bytes |= (number & 0x7F) << bits | UINT64_C(0x80) << bits;
	bytes |= number << bits;
	return (struct sci_quick_name){
		.first = (uint32_t)part->type | (uint32_t)bytes << 8,
		.second = bytes >> 24,
		.len = 2 + bits / 8,
		.hash = sci_hash_two(state, (uint64_t)part->number, 0,
			sci_hash_head((unsigned)part->type, 0, 0), secret),
	};
}

static inline __attribute__((always_inline)) struct sci_quick_name sci_short_number(
	const struct sc_part *part, const struct sci_hash_secret *secret)
{
	return sci_short_number_from(secret->start, part, secret);
}

static inline __attribute__((always_inline)) struct sci_quick_name sci_short_name(
	const struct sc_part *part, const struct sci_hash_secret *secret)
{
	return sci_is_likely(sci_part_has_bytes(part)) ? sci_short_text(part, secret)
						       : sci_short_number(part, secret);
}

/* The name of a short key, with its words in memory. */
static inline void sci_short_key(struct sci_lookup_key *out, struct sci_quick_name name)
{
	out->small[0] = (uint64_t)name.first << 32;
	out->small[1] = name.second;
	out->small[2] = name.third;
	sci_key_set(out, out->small, name.len);
	out->name.hash = name.hash;
}

void sci_key_free(struct sci_lookup_key *key);

static inline void sci_key_fini(struct sci_lookup_key *key)
{
	if (key->fini)
		sci_key_free(key);
}

/* A key of a scope begins with this byte, which is no type of a part, and the scope's number. */
#define SCI_SCOPE_MARK  0x53u
#define SCI_SCOPE_BYTES (1 + sizeof(uint64_t))

/* The number of the scope that an encoded key belongs to; 0: none. */
static inline uint64_t sci_key_scope(const void *key, size_t len)
{
	const unsigned char *byte = key;
	uint64_t number = 0;

	if (len > SCI_SCOPE_BYTES && byte[0] == SCI_SCOPE_MARK)
		memcpy(&number, byte + 1, sizeof number);
	return number;
}

/* Encode and hash a key of a scope. Returns as sci_key_encode(). */
int sci_key_encode_long_scoped(struct sci_lookup_key *out, struct sc_key key, uint64_t scope,
	const struct sci_hash_secret *secret);

/* The state of the hash before the parts of a key of a scope. */
static inline uint64_t sci_scope_state(uint64_t scope, size_t parts,
	const struct sci_hash_secret *secret)
{
	return sci_hash_two(secret->start, scope, 0, sci_hash_head(SCI_SCOPE_MARK, 0, parts),
		secret);
}

/* The same for a key of one short part: the words of its own key, moved behind the scope. */
static inline void sci_short_scoped_key(struct sci_lookup_key *out, const struct sc_part *part,
	uint64_t scope, const struct sci_hash_secret *secret)
{
	uint64_t state = sci_scope_state(scope, 1, secret);
	struct sci_quick_name name = sci_part_has_bytes(part)
		? sci_short_text_from(state, part, secret)
		: sci_short_number_from(state, part, secret);

	out->small[0] = (SCI_SCOPE_MARK | (scope & 0xFFFFFF) << 8) << 32;
	out->small[1] = scope >> 24 | (uint64_t)name.first << 40;
	out->small[2] = name.first >> 24 | name.second << 8;
	out->small[3] = name.second >> 56 | name.third << 8;
	sci_key_set(out, out->small, SCI_SCOPE_BYTES + name.len);
	out->name.hash = name.hash;
}

static inline int sci_key_encode_scoped(struct sci_lookup_key *out, struct sc_key key,
	uint64_t scope, const struct sci_hash_secret *secret)
{
	if (!sci_key_is_short(key))
		return sci_key_encode_long_scoped(out, key, scope, secret);
	sci_short_scoped_key(out, key.parts, scope, secret);
	return 0;
}

/* The hash of a valid key, from its parts: equal keys have equal hashes. */
uint64_t sci_key_hash(struct sc_key key, const struct sci_hash_secret *secret);

/* A decoded key: parts whose texts end with a NUL. */
struct sci_key_parts {
	struct sc_part parts[SC_KEY_PARTS_MAX];
	size_t count;
};

/* The memory for the texts of a key of `len` bytes: each has two bytes of its own before it, which
 * make room for its NUL. */
static inline size_t sci_key_text_bytes(size_t len)
{
	return len + 1;
}

/* Decode what sci_key_encode() wrote; texts and bytes go into `text`, to which the parts point. */
void sci_key_decode(struct sci_key_parts *parts, char *text, const unsigned char *data, size_t len);

#endif
