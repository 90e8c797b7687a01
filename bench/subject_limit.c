/* The limit of a cache's speed: the same hash, open addressing at half load at most, a key and its
 * value in two adjacent cache lines, and nothing else. A key is two words and is compared as such;
 * a key of zeros marks an empty slot and cannot be put. A bitmap also marks empty slots, so that a
 * put does not read memory that was never written: the kernel would map a zero page there, and
 * replace it at the write. */
#include "subject.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct slot {
	_Alignas(16) uint64_t key[2];
	char value[BENCH_VALUE_BYTES];
};

struct table {
	struct sci_hash_secret secret;
	uint64_t mask;
	unsigned char *taken; /* a bit for each slot, after the slots */
	struct slot slots[];
};

_Static_assert(sizeof(struct slot) == BENCH_KEY_BYTES + BENCH_VALUE_BYTES, "nothing else");

/* The bytes of an entry with the benchmark's key and value, in a table that is half full. */
#define ENTRY_BYTES (2 * sizeof(struct slot))

static void *table_open(const struct bench_capacity *capacity)
{
	uint64_t entries = capacity->entries ? capacity->entries : capacity->bytes / ENTRY_BYTES,
		 count = 16;

	while (count < entries * 2)
		count *= 2;
	struct table *table = calloc(1, sizeof *table + count * sizeof(struct slot) + count / 8);
	if (!table)
		return NULL;
	table->secret = sci_hash_secret_fixed(1);
	table->mask = count - 1;
	table->taken = (unsigned char *)&table->slots[count];
	return table;
}

static inline uint64_t hash_of(const struct table *table, const uint64_t words[2])
{
	return sci_hash_two(table->secret.start, words[0], words[1],
		sci_hash_head(0, 2 * sizeof words[0], 0), &table->secret);
}

static inline bool equal(const uint64_t a[2], const uint64_t b[2])
{
	return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
}

static bool table_get(void *cache, const char *key, char *value)
{
	const struct table *table = cache;
	uint64_t words[2];

	memcpy(words, key, sizeof words);
	for (uint64_t i = hash_of(table, words);; i++) {
		const struct slot *slot = &table->slots[i & table->mask];
		if (equal(slot->key, words)) {
			memcpy(value, slot->value, sizeof slot->value);
			return true;
		}
		if ((slot->key[0] | slot->key[1]) == 0)
			return false;
	}
}

/* Mark the slot as used; returns whether it was empty. */
static inline bool take(struct table *table, uint64_t at)
{
	unsigned char bit = (unsigned char)(1u << at % 8);
	bool empty = !(table->taken[at / 8] & bit);

	table->taken[at / 8] |= bit;
	return empty;
}

static void table_put(void *cache, const char *key, const char *value)
{
	struct table *table = cache;
	uint64_t words[2];

	memcpy(words, key, sizeof words);
	for (uint64_t i = hash_of(table, words);; i++) {
		struct slot *slot = &table->slots[i & table->mask];
		if (take(table, i & table->mask))
			memcpy(slot->key, words, sizeof words);
		else if (!equal(slot->key, words))
			continue;
		memcpy(slot->value, value, sizeof slot->value);
		return;
	}
}

const struct bench_subject bench_limit = { "limit", BENCH_SHARED_BY_READERS, table_open, free,
	table_get, table_put };
