/* A seeded 64-bit hash of bytes, for tables whose keys may come from an enemy. */
#ifndef SCI_BASE_HASH_H
#define SCI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Without the seed nobody can choose keys that meet. All bits of the result are of use. */
uint64_t sci_hash(const void *data, size_t len, uint64_t seed);

/* A seed from the system's random numbers, different for every process and call. */
uint64_t sci_hash_seed(void);

/* ---- How ---- */

/* Sixteen bytes at a time are folded by a 64 x 64 -> 128 bit multiplication whose two halves are
 * added without carry: one multiplication spreads every bit of both words over the result. Each word
 * meets a secret that comes from the seed before it is multiplied, so that nobody who does not know
 * the seed can make a factor zero or steer two keys together. Three constants keep the secrets apart;
 * they are the fractions of the square roots of 2, 3 and 5, made odd. */

#define SCI_ROOT2 UINT64_C(0x6A09E667F3BCC909)
#define SCI_ROOT3 UINT64_C(0xBB67AE8584CAA73B)
#define SCI_ROOT5 UINT64_C(0x3C6EF372FE94F82B)

static inline uint64_t sci_hash_fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t sci_hash_word(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

/* The last 0 to 16 bytes as two words. A length under eight bytes is read as overlapping halves. */
static inline void sci_hash_last_words(const unsigned char *at, size_t len, uint64_t *a,
	uint64_t *b)
{
	uint32_t low, high;

	*a = *b = 0;
	if (len >= 8) {
		*a = sci_hash_word(at);
		*b = sci_hash_word(at + len - 8);
	} else if (len >= 4) {
		memcpy(&low, at, 4);
		memcpy(&high, at + len - 4, 4);
		*a = low;
		*b = high;
	} else if (len > 0) {
		*a = (uint64_t)at[0] << 16 | (uint64_t)at[len / 2] << 8 | at[len - 1];
	}
}

/* What a seed makes of itself: a word for each factor. */
struct sci_hash_secrets {
	uint64_t left, right;
};

static inline struct sci_hash_secrets sci_hash_secrets_of(uint64_t seed)
{
	return (struct sci_hash_secrets){ seed ^ SCI_ROOT2, (seed << 32 | seed >> 32) ^ SCI_ROOT3 };
}

/* The hash of two words of a kind: the same words of another kind are sure to have another. */
static inline uint64_t sci_hash_two(uint64_t a, uint64_t b, uint64_t kind,
	struct sci_hash_secrets secrets)
{
#ifdef SC_ONE_HASH
	/* For tests: the worst that can be, all keys have the same. */
	(void)a;
	(void)b;
	(void)kind;
	(void)secrets;
	return UINT64_C(0x123456789ABCDEF1);
#else
	return sci_hash_fold(a ^ secrets.left, b ^ secrets.right) + kind * SCI_ROOT5;
#endif
}

static inline uint64_t sci_hash_inline(const void *data, size_t len, uint64_t seed)
{
	struct sci_hash_secrets secrets = sci_hash_secrets_of(seed);
	const unsigned char *at = data;
	size_t left = len;
	uint64_t a, b;

	for (; left > 16; at += 16, left -= 16)
		secrets.left = sci_hash_two(sci_hash_word(at), sci_hash_word(at + 8), 1, secrets);
	sci_hash_last_words(at, left, &a, &b);
	return sci_hash_two(a, b, len, secrets);
}

#endif
