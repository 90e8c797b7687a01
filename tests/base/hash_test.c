/* The hash of bytes: the families of SMHasher (Appleby) that apply to a keyed hash, for fixed
 * secrets, and the secrets themselves. What the hash does with typed parts is in
 * tests/cache/key_hash_test.c. */
#include "support/cmocka.h"

#include "support/hash_spread.h"

#include "base/hash.h"

#include <stdbool.h>
#include <stdlib.h>

#define SEEDS 3u

/* Collects the hashes of a family. */
struct family {
	const char *name;
	struct sci_hash_secret secret;
	uint64_t *hashes;
	size_t count, room;
};

static void add(struct family *family, const void *data, size_t len)
{
	if (family->count == family->room) {
		family->room = family->room ? family->room * 2 : 1024;
		family->hashes = realloc(family->hashes, family->room * sizeof *family->hashes);
		assert_non_null(family->hashes);
	}
	family->hashes[family->count++] = sci_hash_bytes(family->secret.start, data, len,
		sci_hash_head(0, len, 0), &family->secret);
}

static void each_seed(const char *name, void (*make)(struct family *family))
{
	struct sct_spread spread = { 0 };

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct family family = { .name = name, .secret = sci_hash_secret_fixed(seed) };
		make(&family);
		sct_spread_add(&spread, family.hashes, family.count, name);
		free(family.hashes);
	}
	sct_spread_check(&spread, name);
}

/* All keys of a length with at most two bits set, or three in a short one. */
static void make_sparse(struct family *family)
{
	static const size_t lengths[] = { 4, 8, 16, 20, 32, 64 };
	unsigned char key[64] = { 0 };

	for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
		unsigned bits = (unsigned)lengths[l] * 8;
		for (unsigned i = 0; i < bits; i++) {
			key[i / 8] ^= (unsigned char)(1u << i % 8);
			add(family, key, lengths[l]);
			for (unsigned j = i + 1; j < bits && bits <= 256; j++) {
				key[j / 8] ^= (unsigned char)(1u << j % 8);
				add(family, key, lengths[l]);
				key[j / 8] ^= (unsigned char)(1u << j % 8);
			}
			key[i / 8] ^= (unsigned char)(1u << i % 8);
		}
	}
}

/* All lists of up to seven blocks out of four, each of `width` bytes. */
static void make_combinations(struct family *family, const unsigned char blocks[4][8], size_t width)
{
	unsigned char key[7 * 8];

	for (size_t count = 1; count <= 7; count++) {
		for (unsigned which = 0; which < 1u << 2 * count; which++) {
			for (size_t i = 0; i < count; i++)
				memcpy(key + i * width, blocks[which >> 2 * i & 3], width);
			add(family, key, count * width);
		}
	}
}

static void make_low_bits(struct family *family)
{
	static const unsigned char blocks[4][8] = { { 0 }, { 1 }, { 2 }, { 3 } };

	make_combinations(family, blocks, 8);
}

static void make_high_bits(struct family *family)
{
	static const unsigned char blocks[4][8] = { { 0 }, { [7] = 0x40 }, { [7] = 0x80 },
		{ [7] = 0xC0 } };

	make_combinations(family, blocks, 8);
}

static void make_four_bytes(struct family *family)
{
	static const unsigned char blocks[4][8] = { { 0 }, { [3] = 0x80 }, { 1 },
		{ 0xFF, 0xFF, 0xFF, 0xFF } };

	make_combinations(family, blocks, 4);
}

/* A pattern of three to eight bytes, repeated. */
static void make_cyclic(struct family *family)
{
	unsigned char key[64];

	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t pattern = i * 0x9E3779B1u;
		size_t cycle = 4 + i % 5;
		for (size_t at = 0; at < sizeof key; at++)
			key[at] = (unsigned char)(at % cycle < 4 ? pattern >> at % cycle * 8
								 : (uint32_t)cycle);
		add(family, key, sizeof key);
	}
}

/* Only two bytes are not zero, in keys of every length to 20. */
static void make_two_bytes(struct family *family)
{
	unsigned char key[20] = { 0 };

	for (size_t len = 2; len <= sizeof key; len++)
		for (size_t first = 0; first < len; first++)
			for (size_t second = first + 1; second < len; second++)
				for (unsigned value = 1; value < 48; value++) {
					key[first] = (unsigned char)(value * 5);
					key[second] = (unsigned char)(value * 3 + 1);
					add(family, key, len);
					key[first] = key[second] = 0;
				}
}

/* Zeros of every length, and ones. */
static void make_zeros(struct family *family)
{
	unsigned char *key = calloc(1, 4096);

	assert_non_null(key);
	for (size_t len = 0; len <= 4096; len++)
		add(family, key, len);
	memset(key, 0xFF, 4096);
	for (size_t len = 1; len <= 4096; len++)
		add(family, key, len);
	free(key);
}

/* A counter in the middle of a key, at each bit of it. */
static void make_windowed(struct family *family)
{
	for (unsigned shift = 0; shift <= 50; shift += 2) {
		for (uint64_t i = 1; i < 4096; i += 2) {
			uint64_t key[4] = { 0, i << shift, 0, i << shift >> 32 };
			add(family, key, sizeof key);
		}
	}
}

static void families_look_random(void **state)
{
	(void)state;
	each_seed("sparse", make_sparse);
	each_seed("combinations of low bits", make_low_bits);
	each_seed("combinations of high bits", make_high_bits);
	each_seed("combinations of four bytes", make_four_bytes);
	each_seed("cyclic", make_cyclic);
	each_seed("two bytes", make_two_bytes);
	each_seed("zeros and ones", make_zeros);
	each_seed("windowed", make_windowed);
}

/* How often each bit of the hash changes with each bit of the key, over many keys. */
static void count_changes(size_t len, unsigned keys, uint32_t (*changes)[64])
{
	struct sci_hash_secret secret = sci_hash_secret_fixed(len);
	uint64_t head = sci_hash_head(0, len, 0);
	unsigned char key[64];

	for (unsigned i = 0; i < keys; i++) {
		for (size_t at = 0; at < len; at += 8) {
			uint64_t word = sci_hash(&i, sizeof i, at);
			memcpy(key + at, &word, len - at < 8 ? len - at : 8);
		}
		uint64_t whole = sci_hash_bytes(secret.start, key, len, head, &secret);
		for (size_t bit = 0; bit < len * 8; bit++) {
			key[bit / 8] ^= (unsigned char)(1u << bit % 8);
			uint64_t changed =
				whole ^ sci_hash_bytes(secret.start, key, len, head, &secret);
			for (unsigned out = 0; out < 64; out++)
				changes[bit][out] += (uint32_t)(changed >> out & 1);
			key[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
	}
}

static void every_bit_changes_every_bit(void **state)
{
	enum { KEYS = 1024, MEAN = KEYS / 2, DEVIATION = 16 };
	static const size_t lengths[] = { 3, 8, 11, 16, 20, 49 };
	static uint32_t changes[64 * 8][64];

	(void)state;
	for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
		memset(changes, 0, sizeof changes);
		count_changes(lengths[l], KEYS, changes);
		/* Of 25,000 counts the farthest is about four deviations off. */
		for (size_t bit = 0; bit < lengths[l] * 8; bit++)
			for (unsigned out = 0; out < 64; out++)
				assert_in_range(changes[bit][out], MEAN - 6 * DEVIATION,
					MEAN + 6 * DEVIATION);
	}
}

/* A key under many secrets. */
static void secrets_look_random(void **state)
{
	enum { COUNT = 50000 };
	static uint64_t hashes[COUNT];
	struct sct_spread spread = { 0 };

	(void)state;
	for (size_t len = 0; len <= 40; len += 20) {
		for (uint64_t seed = 0; seed < COUNT; seed++)
			hashes[seed] =
				sci_hash("a key of no less than forty characters..", len, seed);
		sct_spread_add(&spread, hashes, COUNT, "secrets");
	}
	sct_spread_check(&spread, "secrets");
}

/* What is read beyond a key's end would change its hash, or fault under AddressSanitizer. */
static void depends_on_nothing_behind_the_key(void **state)
{
	unsigned char around[80];

	(void)state;
	for (size_t len = 0; len <= 64; len++) {
		unsigned char *alone = malloc(len ? len : 1);
		assert_non_null(alone);
		for (size_t i = 0; i < len; i++)
			alone[i] = (unsigned char)(i * 7 + 1);
		memset(around, 0xA5, sizeof around);
		memcpy(around + 3, alone, len);
		assert_true(sci_hash(alone, len, 7) == sci_hash(around + 3, len, 7));
		free(alone);
	}
}

static bool shares_a_word(const struct sci_hash_secret *a, const struct sci_hash_secret *b)
{
	const uint64_t *left = (const uint64_t *)a, *right = (const uint64_t *)b;

	for (size_t i = 0; i < sizeof *a / sizeof *left; i++)
		for (size_t j = 0; j < sizeof *b / sizeof *right; j++)
			if (left[i] == right[j] && !(a == b && i == j))
				return true;
	return false;
}

/* No word follows from another: what any two of them differ by is not the same twice. */
static void secrets_have_independent_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct sci_hash_secret first = sci_hash_secret_draw(),
				       second = sci_hash_secret_draw();
		assert_false(shares_a_word(&first, &first));
		assert_false(shares_a_word(&first, &second));
		for (unsigned j = 0; j < 4; j++) {
			assert_true(
				(first.start ^ first.mask[j]) != (second.start ^ second.mask[j]));
			assert_true((first.start ^ (first.mask[j] << 32 | first.mask[j] >> 32)) !=
				(second.start ^ (second.mask[j] << 32 | second.mask[j] >> 32)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_look_random),
		cmocka_unit_test(every_bit_changes_every_bit),
		cmocka_unit_test(secrets_look_random),
		cmocka_unit_test(depends_on_nothing_behind_the_key),
		cmocka_unit_test(secrets_have_independent_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
