/* As fast as a cache can be: the same hash, open addressing at half load, keys and values in one line
 * of memory each, nothing else. */
#include "subject.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct slot {
	uint64_t hash; /* 0: empty */
	char key[BENCH_KEY_BYTES];
	char value[BENCH_VALUE_BYTES];
};

struct table {
	uint64_t mask;
	struct slot slots[];
};

/* The bytes of an entry whose key and value are those of the benchmark, in a table that is half full. */
#define ENTRY_BYTES (2 * sizeof(struct slot))

static void *table_open(const struct bench_room *room)
{
	uint64_t entries = room->entries ? room->entries : room->bytes / ENTRY_BYTES, count = 16;

	while (count < entries * 2)
		count *= 2;
	struct table *table = calloc(1, sizeof *table + count * sizeof(struct slot));
	if (table)
		table->mask = count - 1;
	return table;
}

static struct slot *find(struct table *table, const char *key)
{
	uint64_t hash = sci_hash(key, BENCH_KEY_BYTES, 1) | 1;

	for (uint64_t i = hash >> 8;; i++) {
		struct slot *slot = &table->slots[i & table->mask];
		if (slot->hash == 0 ||
			(slot->hash == hash && memcmp(slot->key, key, BENCH_KEY_BYTES) == 0)) {
			if (slot->hash == 0)
				memcpy(slot->key, key, BENCH_KEY_BYTES);
			return slot;
		}
	}
}

static bool table_get(void *cache, const char *key, char *value)
{
	const struct slot *slot = find(cache, key);

	memcpy(value, slot->value, BENCH_VALUE_BYTES);
	return slot->hash != 0;
}

static void table_put(void *cache, const char *key, const char *value)
{
	struct slot *slot = find(cache, key);

	slot->hash = sci_hash(key, BENCH_KEY_BYTES, 1) | 1;
	memcpy(slot->value, value, BENCH_VALUE_BYTES);
}

const struct bench_subject bench_limit = { "limit", BENCH_SHARED_BY_READERS, table_open, free,
	table_get, table_put };
