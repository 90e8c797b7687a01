/* entry_order.h - which entry is evicted; only this file knows the policies.
 *
 * Exact order of use (LRU) is a list. The adaptive policy is the library's, in which an entry has a
 * number: <scopecache/eviction.h>. A cache without bounds has neither. */
#ifndef SCOPECACHE_PYTHON_ENTRY_ORDER_H
#define SCOPECACHE_PYTHON_ENTRY_ORDER_H

#include "table.h"

#include <scopecache/eviction.h>

/* The entry now has a value. Returns a list over `chain` of the evicted entries, which are removed
 * from the table; the entry itself may be among them. */
struct entry *eviction_insert(struct table *table, struct entry *entry);

/* Remove an entry, which may have no value yet, from the table. */
void eviction_remove(struct table *table, struct entry *entry);

/* Remove the expired entries of the next few buckets; returns them as a list over `chain`. */
struct entry *eviction_sweep(struct table *table, int64_t now_ns);

/* Remove all entries; returns those that are not being loaded as a list over `chain`. */
struct entry *eviction_remove_all(struct table *table);

void eviction_make_newest(struct table *table, struct entry *entry);

/* The entry was used. */
static inline void eviction_hit(struct table *table, struct entry *entry)
{
	if (table->order) {
		sc_eviction_mark(table->order, entry->number);
	} else if (table->exact && table->newest != entry) {
		eviction_make_newest(table, entry);
	}
}

#endif
