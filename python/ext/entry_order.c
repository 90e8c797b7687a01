/* entry_order.c - exact order of use, and the library's adaptive policy. Nothing here runs Python
 * code. */
#include "entry_order.h"

static void list_remove(struct table *table, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &table->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &table->oldest) = entry->newer;
}

static void list_insert(struct table *table, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = table->newest;
	*(table->newest ? &table->newest->newer : &table->oldest) = entry;
	table->newest = entry;
}

void eviction_make_newest(struct table *table, struct entry *entry)
{
	list_remove(table, entry);
	list_insert(table, entry);
}

void eviction_remove(struct table *table, struct entry *entry)
{
	table_unlink(table, entry);
	if (!entry->value) {
		return;
	}
	table->count--;
	table->bytes -= entry->bytes;
	if (table->exact) {
		list_remove(table, entry);
	} else if (table->order && entry->number != SC_EVICTION_NONE) {
		sc_eviction_remove(table->order, entry->number);
	}
}

struct entry *eviction_remove_all(struct table *table)
{
	sc_eviction_close(table->order);
	PyMem_Free(table->by_number);
	table->newest = table->oldest = NULL;
	table->order = NULL;
	table->by_number = NULL;
	table->numbers = table->count = table->bytes = 0;
	return table_unlink_all(table);
}

static struct entry *remove_entry(struct table *table, struct entry *entry, struct entry *list)
{
	eviction_remove(table, entry);
	entry->chain = list;
	return entry;
}

/* Each insertion sweeps two buckets. There are at most twice as many buckets as there have been
 * entries, so as many insertions as there are entries sweep all of them. */
struct entry *eviction_sweep(struct table *table, int64_t now_ns)
{
	struct entry *removed = NULL;
	for (int bucket = 0; bucket < 2; bucket++) {
		struct entry *entry = table->buckets[table->swept++ & table->mask], *next;
		for (; entry; entry = next) {
			next = entry->chain;
			if (entry->value && entry_expires_ns(entry) <= now_ns) {
				removed = remove_entry(table, entry, removed);
			}
		}
	}
	return removed;
}

static bool is_over_bound(const struct table *table)
{
	return (table->maxsize >= 0 && table->count > (size_t)table->maxsize) ||
		(table->max_bytes && table->bytes > table->max_bytes);
}

static struct entry *insert_exactly(struct table *table, struct entry *entry)
{
	struct entry *removed = NULL;
	list_insert(table, entry);
	/* An entry larger than the bound evicts no other. */
	if (table->max_bytes && entry->bytes > table->max_bytes) {
		return remove_entry(table, entry, NULL);
	}
	while (is_over_bound(table)) {
		removed = remove_entry(table, table->oldest, removed);
	}
	return removed;
}

/* Returns false when memory is out. */
static bool make_order(struct table *table)
{
	if (!table->order) {
		struct sc_eviction_options options = { .size = sizeof(options),
			.max_entries = table->maxsize > 0 ? (uint64_t)table->maxsize : 0,
			.max_weight = table->max_bytes,
			.grow = 1 };
		/* The library's maximum; more entries fit into no memory. */
		if (options.max_entries > UINT32_C(1) << 28) {
			options.max_entries = UINT32_C(1) << 28;
		}
		return sc_eviction_open(&table->order, &options) == 0;
	}
	return true;
}

/* Returns false when memory is out. */
static bool reserve_number(struct table *table, uint32_t number)
{
	if (number < table->numbers) {
		return true;
	}
	size_t numbers = ((size_t)number + 1) * 3 / 2 + 8;
	struct entry **grown = PyMem_Realloc(table->by_number, numbers * sizeof(*grown));
	if (!grown) {
		return false;
	}
	table->by_number = grown;
	table->numbers = numbers;
	return true;
}

static struct entry *remove_victims(struct table *table)
{
	struct entry *removed = NULL;
	uint32_t victim;
	while (sc_eviction_victim(table->order, &victim)) {
		table->by_number[victim]->number = SC_EVICTION_NONE;
		removed = remove_entry(table, table->by_number[victim], removed);
	}
	return removed;
}

struct entry *eviction_insert(struct table *table, struct entry *entry)
{
	uint32_t number = SC_EVICTION_NONE;
	table->count++;
	table->bytes += entry->bytes;
	if (table->exact) {
		return insert_exactly(table, entry);
	}
	entry->number = number;
	if (table->maxsize < 0 && !table->max_bytes) {
		return NULL;
	}
	if (!make_order(table) ||
		sc_eviction_insert(table->order, (uint64_t)entry->hash, entry->bytes, &number) <
			0) {
		return remove_entry(table, entry, NULL);
	}
	struct entry *removed = remove_victims(table);
	if (number == SC_EVICTION_NONE) {
		return remove_entry(table, entry, removed);
	}
	if (!reserve_number(table, number)) {
		sc_eviction_remove(table->order, number);
		return remove_entry(table, entry, removed);
	}
	table->by_number[number] = entry;
	entry->number = number;
	return removed;
}
