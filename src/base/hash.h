/* A keyed 64-bit hash of typed parts, for tables whose keys an attacker may choose.
 *
 * What it promises against an attacker without the secret:
 *
 *	- Two different lists of parts under 4 GiB, fixed before the secret is drawn, have the same
 *	  hash for about one secret in 2^64, whatever the lists are: types, lengths and the number
 *	  of parts are mixed like the bytes, not added afterwards. No proof is known for the
 *	  construction: tests/base/hash_test.c and tests/cache/key_hash_test.c search for pairs and
 *	  families that collide more often.
 *	- Each bit of the result depends on each bit of the key, so a table may take any bits of it.
 *
 * What it does not promise:
 *
 *	- Secrecy. It is not a message authentication code: an attacker who sees hashes, or can
 *	  measure which of many chosen keys share a line of a table, may learn the secret and then
 *	  choose keys that collide.
 *	- That no two keys collide. A table has to compare keys.
 *	- The same result in another version, on a machine of another byte order, or with another
 *	  secret. Do not store it for others to read. */
#ifndef SCI_BASE_HASH_H
#define SCI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Independent random words: where a hash starts, and what each factor meets. */
struct sci_hash_secret {
	uint64_t start, mask[4];
};

/* A secret of 320 bits from the system's random numbers, different for every process and call.
 *
 * Where getrandom() gives none, because it is too early in a boot or the call is forbidden, the 128
 * random bits that the kernel hands to each process at its start (AT_RANDOM), a count of the calls,
 * the clocks and the process id are expanded to as many words. Then the secret has at most 128 bits
 * of entropy, and secrets of one process are not independent of each other. */
struct sci_hash_secret sci_hash_secret_draw(void);

/* A secret derived from a number: for tests, and for tables whose keys no attacker chooses. */
struct sci_hash_secret sci_hash_secret_fixed(uint64_t seed);

/* The hash of one part of bytes, with such a secret. */
uint64_t sci_hash(const void *data, size_t len, uint64_t seed);

/* ---- How ----
 *
 * The construction is wyhash's (Wang Yi, "Modern non-cryptographic hash function and pseudorandom
 * number generator", 2019; rapidhash is a descendant): the unit is a 64 x 64 -> 128 bit
 * multiplication of two words, each of which has met a secret. A part of at most 16 bytes is read
 * as two words, and goes through two multiplications: the first keeps all 128 bits of its product,
 * the second folds its product to 64 bits. What is not content, the head, joins between the two.
 * Longer parts are folded by one multiplication for each 16 bytes before, in three independent
 * lanes from 48 bytes on.
 *
 * What differs: the state goes on from part to part; a head says type, length and how many parts
 * follow; and no word of the secret is a constant or follows from another. */

struct sci_hash_pair {
	uint64_t low, high;
};

static inline struct sci_hash_pair sci_hash_product(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (struct sci_hash_pair){ (uint64_t)product, (uint64_t)(product >> 64) };
}

static inline uint64_t sci_hash_fold(uint64_t a, uint64_t b)
{
	struct sci_hash_pair product = sci_hash_product(a, b);

	return product.low ^ product.high;
}

/* The head of a part. Any two lists of heads differ, and so do the lists of parts with them. */
static inline uint64_t sci_hash_head(unsigned type, size_t len, size_t parts_after)
{
	return (uint64_t)type | (uint64_t)len << 8 | (uint64_t)parts_after << 40;
}

/* The state after a part of two words; after the last part this is the hash. */
static inline uint64_t sci_hash_two(uint64_t state, uint64_t a, uint64_t b, uint64_t head,
	const struct sci_hash_secret *secret)
{
#ifdef SC_ONE_HASH
	/* For tests: the worst case, all keys have the same hash. */
	(void)state;
	(void)a;
	(void)b;
	(void)head;
	(void)secret;
	return UINT64_C(0x123456789ABCDEF1);
#else
	struct sci_hash_pair product = sci_hash_product(a ^ secret->mask[0], b ^ state);

	return sci_hash_fold(product.low ^ secret->mask[1] ^ head, product.high ^ secret->mask[2]);
#endif
}

/* The state after a part of any length; its head has the length in it. */
uint64_t sci_hash_bytes(uint64_t state, const void *data, size_t len, uint64_t head,
	const struct sci_hash_secret *secret);

#endif
