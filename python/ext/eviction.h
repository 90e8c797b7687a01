/* eviction.h - which entry goes when there is no room: the one place that knows the policy.
 *
 * What is here is exact LRU, which lru_cache promises. A policy of another kind for the other caches
 * replaces these four functions and nothing else. All of them only change links; none can fail. */
#ifndef SCOPECACHE_PYTHON_EVICTION_H
#define SCOPECACHE_PYTHON_EVICTION_H

#include "table.h"

static inline void eviction_remove(struct table *table, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &table->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &table->oldest) = entry->newer;
	entry->newer = entry->older = NULL;
}

static inline void eviction_insert(struct table *table, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = table->newest;
	*(table->newest ? &table->newest->newer : &table->oldest) = entry;
	table->newest = entry;
}

/* The entry was used. */
static inline void eviction_hit(struct table *table, struct entry *entry)
{
	if (table->newest != entry) {
		eviction_remove(table, entry);
		eviction_insert(table, entry);
	}
}

/* The entry to remove next; NULL when there is none. */
static inline struct entry *eviction_victim(const struct table *table)
{
	return table->oldest;
}

#endif
