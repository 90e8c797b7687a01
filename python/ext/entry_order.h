/* entry_order.h - which entry goes when there is no room: the one place that knows the policies.
 *
 * Exact order of use is a list. The adaptive policy is the library's: an entry has a number in an
 * order of <scopecache/eviction.h>. A cache without bounds has neither. */
#ifndef SCOPECACHE_PYTHON_ENTRY_ORDER_H
#define SCOPECACHE_PYTHON_ENTRY_ORDER_H

#include "table.h"

#include <scopecache/eviction.h>

/* The entry has got its value. Returns a list over `chain` of those that had to go, out of the
 * table; the entry itself may be among them. */
struct entry *eviction_insert(struct table *table, struct entry *entry);

/* Take an entry, which may have no value yet, out of the table. */
void eviction_take_out(struct table *table, struct entry *entry);

/* Take out what has expired in the next few buckets, as a list over `chain`. */
struct entry *eviction_sweep(struct table *table, int64_t now_ns);

/* Take all out, as a list over `chain` of those that are not being loaded. */
struct entry *eviction_take_out_all(struct table *table);

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
