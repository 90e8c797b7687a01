/* The hash of keys: pairs with small differences in types, lengths and positions, under many
 * secrets; and families of structured keys, as programs use them. */
#include "support/cmocka.h"

#include "support/hash_spread.h"

#include "cache/key_bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BYTES_MAX 128u

static struct sc_part bytes_part(enum sc_part_type type, const void *data, size_t len)
{
	return (struct sc_part){ type, 0, data, len };
}

static struct sc_part number_part(enum sc_part_type type, int64_t number)
{
	return (struct sc_part){ type, number, NULL, 0 };
}

/* ---- Pairs of keys ---- */

#define PAIR_CELLS 65536u

/* How many pairs were hashed, and how many are equal in the upper or the lower 16 bits. */
struct trials {
	const char *what;
	uint64_t count, low, high;
};

static void try_pair(struct trials *trials, struct sc_key a, struct sc_key b, uint64_t seed)
{
	struct sci_hash_secret secret = sci_hash_secret_fixed(seed);
	uint64_t differing = sci_key_hash(a, &secret) ^ sci_key_hash(b, &secret);

	if (differing == 0)
		fail_msg("%s: a pair collides with secret %" PRIu64, trials->what, seed);
	trials->count++;
	trials->low += differing % PAIR_CELLS == 0;
	trials->high += differing >> 48 == 0;
}

static void try_parts(struct trials *trials, struct sc_part a, struct sc_part b, uint64_t seed)
{
	try_pair(trials, (struct sc_key){ &a, 1 }, (struct sc_key){ &b, 1 }, seed);
}

static void assert_chance(const struct trials *trials)
{
	sct_pairs_are_chance(trials->low, (double)trials->count, PAIR_CELLS, trials->what);
	sct_pairs_are_chance(trials->high, (double)trials->count, PAIR_CELLS, trials->what);
}

static const size_t lengths[] = { 1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 64, 96,
	97, 128 };

#define LENGTHS (sizeof lengths / sizeof *lengths)

/* A text and bytes, or two texts, with the same bit flipped in up to three places four bytes apart,
 * which might cancel a difference of the types or of the state. */
static void types_are_mixed(void **state)
{
	struct trials trials = { .what = "types and flipped bits" };

	(void)state;
	for (size_t l = 0; l < LENGTHS; l++) {
		unsigned char a[BYTES_MAX] = { 0 }, b[BYTES_MAX];
		size_t len = lengths[l], places = len < 32 ? (len + 3) / 4 : 8;
		for (unsigned flips = 0; flips < 1u << places; flips++) {
			if (__builtin_popcount(flips) > 3)
				continue;
			for (unsigned bit = 0; bit < 8; bit++) {
				memcpy(b, a, len);
				for (size_t i = 0; i < places; i++)
					b[i * 4] ^= (unsigned char)((flips >> i & 1) << bit);
				for (uint64_t seed = 0; seed < 4; seed++) {
					try_parts(&trials, bytes_part(SC_PART_TEXT, a, len),
						bytes_part(SC_PART_BYTES, b, len), seed);
					if (flips)
						try_parts(&trials, bytes_part(SC_PART_TEXT, a, len),
							bytes_part(SC_PART_TEXT, b, len), seed);
				}
			}
		}
	}
	assert_chance(&trials);
}

/* With an earlier hash, which added the type, this pair collided for half of all secrets. */
static void a_text_and_bytes_with_three_bits_flipped(void **state)
{
	unsigned char a[32] = { 0 }, b[32] = { [0] = 1, [12] = 1, [28] = 1 };
	struct trials trials = { .what = "three bits" };

	(void)state;
	for (uint64_t seed = 0; seed < 100000; seed++)
		try_parts(&trials, bytes_part(SC_PART_TEXT, a, sizeof a),
			bytes_part(SC_PART_BYTES, b, sizeof b), seed);
	assert_chance(&trials);
}

/* Zeros of two lengths, also with the difference of the lengths as the longer one's last byte. */
static void lengths_are_mixed(void **state)
{
	struct trials trials = { .what = "lengths" };
	unsigned char zeros[BYTES_MAX] = { 0 }, other[BYTES_MAX] = { 0 };

	(void)state;
	for (size_t shorter = 0; shorter < 64; shorter++) {
		for (size_t longer = shorter + 1; longer <= 64; longer++) {
			other[longer - 1] = (unsigned char)(longer - shorter);
			for (uint64_t seed = 0; seed < 16; seed++) {
				struct sc_part part = bytes_part(SC_PART_TEXT, zeros, shorter);
				try_parts(&trials, part, bytes_part(SC_PART_TEXT, zeros, longer),
					seed);
				try_parts(&trials, part, bytes_part(SC_PART_TEXT, other, longer),
					seed);
			}
			other[longer - 1] = 0;
		}
	}
	assert_chance(&trials);
}

/* A word or a byte at two offsets; two words exchanged, and rotated by half. */
static void positions_are_mixed(void **state)
{
	struct trials trials = { .what = "positions" };

	(void)state;
	for (size_t l = 0; l < LENGTHS; l++) {
		for (size_t i = 0; i < lengths[l] * lengths[l]; i++) {
			unsigned char a[BYTES_MAX] = { 0 }, b[BYTES_MAX] = { 0 };
			size_t at = i / lengths[l], to = i % lengths[l];
			if (at == to)
				continue;
			a[at] = b[to] = (unsigned char)(1 + i % 255);
			for (uint64_t seed = 0; seed < 4; seed++)
				try_parts(&trials, bytes_part(SC_PART_TEXT, a, lengths[l]),
					bytes_part(SC_PART_TEXT, b, lengths[l]), seed);
		}
	}
	for (uint64_t seed = 0; seed < 20000; seed++) {
		uint64_t a[2] = { sci_hash("a", 1, seed), sci_hash("b", 1, seed) };
		uint64_t exchanged[2] = { a[1], a[0] };
		uint64_t turned[2] = { a[1] << 32 | a[1] >> 32, a[0] << 32 | a[0] >> 32 };
		struct sc_part part = bytes_part(SC_PART_BYTES, a, sizeof a);
		try_parts(&trials, part, bytes_part(SC_PART_BYTES, exchanged, 16), seed);
		try_parts(&trials, part, bytes_part(SC_PART_BYTES, turned, 16), seed);
	}
	assert_chance(&trials);
}

/* The same bytes, divided into other parts. */
static void numbers_of_parts_are_mixed(void **state)
{
	struct trials trials = { .what = "numbers of parts" };
	const char *text = "the same bytes, cut into parts here and there";

	(void)state;
	for (size_t cut = 0; cut <= 45; cut++) {
		struct sc_part whole = bytes_part(SC_PART_TEXT, text, 45);
		struct sc_part two[2] = { bytes_part(SC_PART_TEXT, text, cut),
			bytes_part(SC_PART_TEXT, text + cut, 45 - cut) };
		struct sc_part three[3] = { two[0], two[1], number_part(SC_PART_ABSENT, 0) };
		struct sc_part turned[3] = { two[0], number_part(SC_PART_ABSENT, 0), two[1] };
		for (uint64_t seed = 0; seed < 1000; seed++) {
			struct sc_key keys[] = { { &whole, 1 }, { two, 2 }, { three, 3 },
				{ turned, 3 } };
			for (size_t i = 0; i < 4; i++)
				for (size_t j = i + 1; j < 4; j++)
					try_pair(&trials, keys[i], keys[j], seed);
		}
	}
	assert_chance(&trials);
}

/* The same number with another type, and another number. */
static void types_of_numbers_are_mixed(void **state)
{
	struct trials trials = { .what = "types of numbers" };
	static const enum sc_part_type types[] = { SC_PART_ABSENT, SC_PART_BOOL, SC_PART_INTEGER,
		SC_PART_UNSIGNED };

	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++)
		for (size_t i = 0; i < 4; i++)
			for (size_t j = i; j < 4; j++)
				for (int64_t flip = i == j; flip <= 8 && !(i == j && i < 2); flip++)
					try_parts(&trials, number_part(types[i], 1),
						number_part(types[j], 1 ^ flip), seed);
	assert_chance(&trials);
}

/* ---- Keys with a structure ---- */

#define KEYS 16384u

/* Memory for a key, whose parts point into `text`. */
struct space {
	struct sc_part parts[SC_KEY_PARTS_MAX];
	char text[128];
};

static struct sc_key key_of_text(struct space *space, int len)
{
	space->parts[0] = bytes_part(SC_PART_TEXT, space->text, (size_t)len);
	return (struct sc_key){ space->parts, 1 };
}

static struct sc_key key_of_number(struct space *space, enum sc_part_type type, uint64_t number)
{
	space->parts[0] = number_part(type, (int64_t)number);
	return (struct sc_key){ space->parts, 1 };
}

/* Makes key number `i` of a family; `variant` is its shift, offset or length. */
typedef struct sc_key (*make_fn)(struct space *space, uint64_t i, unsigned variant);

static struct sc_key shifted_integer(struct space *space, uint64_t i, unsigned shift)
{
	return key_of_number(space, SC_PART_INTEGER, i << shift);
}

static struct sc_key negative_integer(struct space *space, uint64_t i, unsigned shift)
{
	return key_of_number(space, SC_PART_INTEGER, -((i + 1) << shift));
}

static struct sc_key high_unsigned(struct space *space, uint64_t i, unsigned step)
{
	return key_of_number(space, SC_PART_UNSIGNED, UINT64_MAX - i * (step + 1));
}

static struct sc_key stepped_integer(struct space *space, uint64_t i, unsigned which)
{
	static const uint64_t steps[] = { 3, 10, 100, 1000, 3600, 86400, 1000000,
		UINT64_C(1000000007) };

	return key_of_number(space, SC_PART_INTEGER, i * steps[which]);
}

/* A counter of two bytes at each byte of 8, 16, 17, 32 and 64. */
static struct sc_key counter_in_bytes(struct space *space, uint64_t i, unsigned place)
{
	static const uint8_t of[] = { 8, 16, 17, 32, 64 };
	uint16_t counter = (uint16_t)i;
	size_t which = 0;

	for (; place >= of[which] - 1u; which++)
		place -= of[which] - 1u;
	memset(space->text, 0, of[which]);
	memcpy(space->text + place, &counter, sizeof counter);
	space->parts[0] = bytes_part(SC_PART_BYTES, space->text, of[which]);
	return (struct sc_key){ space->parts, 1 };
}

static struct sc_key date(struct space *space, uint64_t i, unsigned minutes)
{
	uint64_t minute = i * (minutes + 1);

	return key_of_text(space,
		snprintf(space->text, sizeof space->text, "2026-%02u-%02uT%02u:%02u:00Z",
			(unsigned)(minute / 40320 % 12 + 1), (unsigned)(minute / 1440 % 28 + 1),
			(unsigned)(minute / 60 % 24), (unsigned)(minute % 60)));
}

static struct sc_key uuid(struct space *space, uint64_t i, unsigned version)
{
	uint64_t random = sci_hash(&i, sizeof i, version);
	unsigned counted = (unsigned)i;

	return key_of_text(space,
		version == 0 ? snprintf(space->text, sizeof space->text,
				       "%08x-1dd2-11b2-8080-2c4d54e1a0b7", counted)
			: version == 1
			? snprintf(space->text, sizeof space->text, "%08x-%04x-4%03x-a%03x-%012x",
				  (unsigned)random, (unsigned)(random >> 48),
				  (unsigned)(random >> 32) & 0xFFF, counted & 0xFFF, counted)
			: snprintf(space->text, sizeof space->text,
				  "0190a1b2-%04x-7%03x-8000-%012x", counted >> 12, counted & 0xFFF,
				  1u));
}

/* A decimal number between two texts. */
static struct sc_key prefixed(struct space *space, uint64_t i, unsigned which)
{
	static const struct {
		int width;
		const char *before, *after;
	} texts[] = { { 1, "", "" }, { 8, "", "" }, { 1, "user:", "" }, { 8, "user:", ":profile" },
		{ 1, "https://example.com/products/", "/reviews?page=1&sort=newest" },
		{ 6, "tenant-0001/environment-production/configuration/feature-flags/v2/", "" } };

	return key_of_text(space,
		snprintf(space->text, sizeof space->text, "%s%0*u%s", texts[which].before,
			texts[which].width, (unsigned)i, texts[which].after));
}

static struct sc_key two_numbers(struct space *space, uint64_t i, unsigned bits)
{
	space->parts[0] = number_part(SC_PART_INTEGER, (int64_t)(i >> bits));
	space->parts[1] = number_part(SC_PART_INTEGER, (int64_t)(i & ((UINT64_C(1) << bits) - 1)));
	return (struct sc_key){ space->parts, 2 };
}

static struct sc_key text_and_number(struct space *space, uint64_t i, unsigned number_first)
{
	int len = snprintf(space->text, sizeof space->text, "row %u", (unsigned)(i % 181));

	space->parts[number_first] = bytes_part(SC_PART_TEXT, space->text, (size_t)len);
	space->parts[!number_first] = number_part(SC_PART_INTEGER, (int64_t)(i / 181));
	return (struct sc_key){ space->parts, 2 };
}

/* One of four types for each of eight parts, all of them empty or zero. */
static struct sc_key eight_parts(struct space *space, uint64_t i, unsigned first)
{
	static const enum sc_part_type types[] = { SC_PART_ABSENT, SC_PART_BOOL, SC_PART_INTEGER,
		SC_PART_TEXT, SC_PART_BYTES };

	for (unsigned part = 0; part < 8; part++)
		space->parts[part] = number_part(types[first + (i >> 2 * part & 3)], 0);
	return (struct sc_key){ space->parts, 8 };
}

static const struct {
	const char *name;
	make_fn make;
	unsigned variants;
} families[] = {
	{ "shifted integers", shifted_integer, 49 },
	{ "negative integers", negative_integer, 48 },
	{ "high unsigned numbers", high_unsigned, 4 },
	{ "stepped integers", stepped_integer, 8 },
	{ "counters in bytes", counter_in_bytes, 132 },
	{ "dates", date, 7 },
	{ "UUIDs", uuid, 3 },
	{ "prefixes", prefixed, 6 },
	{ "two numbers", two_numbers, 15 },
	{ "text and number", text_and_number, 2 },
	{ "eight parts", eight_parts, 2 },
};

static void structured_keys_look_random(void **state)
{
	static uint64_t hashes[KEYS];
	struct space space;

	(void)state;
	for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
		struct sct_spread spread = { 0 };
		for (unsigned variant = 0; variant < families[f].variants; variant++) {
			struct sci_hash_secret secret = sci_hash_secret_fixed(variant);
			for (uint64_t i = 0; i < KEYS; i++)
				hashes[i] =
					sci_key_hash(families[f].make(&space, i, variant), &secret);
			sct_spread_add(&spread, hashes, KEYS, families[f].name);
		}
		sct_spread_check(&spread, families[f].name);
	}
}

/* ---- One hash in two ways ---- */

static void assert_same_hash(struct sc_part part, const struct sci_hash_secret *secret)
{
	struct sc_key key = { &part, 1 };
	struct sci_lookup_key lookup;

	assert_true(sci_key_is_short(key));
	sci_short_key(&lookup, sci_short_name(&part, secret));
	assert_true(lookup.name.hash == sci_key_hash(key, secret));
}

static void a_short_key_has_the_hash_of_its_parts(void **state)
{
	struct sci_hash_secret secret = sci_hash_secret_draw();

	(void)state;
	for (size_t len = 0; len <= SCI_SHORT_PART_MAX; len++) {
		assert_same_hash(bytes_part(SC_PART_TEXT, "0123456789abcdef", len), &secret);
		assert_same_hash(bytes_part(SC_PART_BYTES, "0123456789abcdef", len), &secret);
	}
	for (unsigned bit = 0; bit < 55; bit++) {
		assert_same_hash(number_part(SC_PART_INTEGER, INT64_C(1) << bit), &secret);
		assert_same_hash(number_part(SC_PART_INTEGER, -(INT64_C(1) << bit)), &secret);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_mixed),
		cmocka_unit_test(a_text_and_bytes_with_three_bits_flipped),
		cmocka_unit_test(lengths_are_mixed),
		cmocka_unit_test(positions_are_mixed),
		cmocka_unit_test(numbers_of_parts_are_mixed),
		cmocka_unit_test(types_of_numbers_are_mixed),
		cmocka_unit_test(structured_keys_look_random),
		cmocka_unit_test(a_short_key_has_the_hash_of_its_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
