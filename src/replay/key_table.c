/* Open addressing with linear probing, at most half full. A slot stores as many bits of the hash as
 * the largest table uses, so the table grows without hashing the keys again. */
#include "replay/key_table.h"

#include <scopecache/error.h>

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 1024u

void sci_key_table_fini(struct sci_key_table *table)
{
	free(table->slots);
	free(table->ends);
	sci_buffer_fini(&table->bytes);
	*table = (struct sci_key_table){ 0 };
}

static size_t first_slot(const struct sci_key_table *table, uint64_t hash)
{
	return (size_t)hash & (table->slot_count - 1);
}

static size_t next_slot(const struct sci_key_table *table, size_t slot)
{
	return (slot + 1) & (table->slot_count - 1);
}

static int grow_slots(struct sci_key_table *table)
{
	struct sci_key_table larger = *table;

	larger.slot_count = table->slot_count ? table->slot_count * 2 : SLOTS_FIRST;
	larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
	if (!larger.slots)
		return SC_E_NOMEM;
	for (size_t i = 0; i < table->slot_count; i++) {
		if (!table->slots[i])
			continue;
		size_t slot = first_slot(&larger, table->slots[i] >> 32);
		while (larger.slots[slot])
			slot = next_slot(&larger, slot);
		larger.slots[slot] = table->slots[i];
	}
	free(table->slots);
	table->slots = larger.slots;
	table->slot_count = larger.slot_count;
	return 0;
}

static int reserve_one(struct sci_key_table *table)
{
	if (table->count == UINT32_MAX)
		return SC_E_NOMEM;
	if (table->count == 0)
		table->secret = sci_hash_secret_draw();
	if (table->count == table->ends_capacity) {
		size_t capacity = table->ends_capacity ? table->ends_capacity * 2 : SLOTS_FIRST / 2;
		uint64_t *ends = realloc(table->ends, capacity * sizeof *ends);
		if (!ends)
			return SC_E_NOMEM;
		table->ends = ends;
		table->ends_capacity = capacity;
	}
	return (size_t)table->count * 2 >= table->slot_count ? grow_slots(table) : 0;
}

static int is_key(const struct sci_key_table *table, uint32_t number, const void *key, size_t len)
{
	uint64_t start = number ? table->ends[number - 1] : 0;

	return table->ends[number] - start == len &&
		(len == 0 || memcmp(table->bytes.data + start, key, len) == 0);
}

int sci_key_table_number(struct sci_key_table *table, const void *key, size_t len, uint32_t *number)
{
	int rc = reserve_one(table);

	if (rc < 0)
		return rc;
	uint64_t hash = sci_hash_bytes(table->secret.start, key, len, sci_hash_head(0, len, 0),
				&table->secret) >>
		32;
	size_t slot = first_slot(table, hash);
	for (; table->slots[slot]; slot = next_slot(table, slot)) {
		*number = (uint32_t)table->slots[slot] - 1;
		if (table->slots[slot] >> 32 == hash && is_key(table, *number, key, len))
			return 0;
	}
	rc = sci_buffer_append(&table->bytes, key, len);
	if (rc < 0)
		return rc;
	*number = table->count++;
	table->ends[*number] = table->bytes.len;
	table->slots[slot] = hash << 32 | table->count;
	return 0;
}
