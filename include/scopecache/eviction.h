/* scopecache/eviction.h - the adaptive eviction policy, for an index of your own.
 *
 * For a program that stores and finds its entries itself. An eviction order knows an entry by a
 * small number, and not its key or value. It evicts as a cache of the library with the same bounds
 * does.
 *
 *	struct sc_eviction *order;
 *	uint32_t number, victim;
 *
 *	sc_eviction_open(&order, SC_EVICTION_OPTIONS(.max_entries = 1000));
 *
 *	if (entry)                                        a hit
 *		sc_eviction_mark(order, entry->number);
 *	else if (sc_eviction_insert(order, hash, 0, &number) == 0) {
 *		while (sc_eviction_victim(order, &victim))
 *			my_index_remove(my_entries[victim]);
 *		if (number != SC_EVICTION_NONE)
 *			my_entries[number] = my_index_add(key, number);
 *	}
 *
 * An order calls no user code, takes no lock and reads no clock. Its functions do not block, and
 * are for one thread at a time, except sc_eviction_mark().
 *
 * An order takes 1.6 kB, and 42 bytes for each entry, or 50 with a bound on weight.
 */
#ifndef SCOPECACHE_EVICTION_H
#define SCOPECACHE_EVICTION_H

#include <scopecache/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The options of an eviction order; set max_entries, max_weight or both. */
struct sc_eviction_options {
	size_t size; /* sizeof(struct sc_eviction_options); SC_EVICTION_OPTIONS() fills it in */
	uint64_t max_entries; /* at most 2^28; 0: no bound */
	uint64_t max_weight; /* of all entries, in bytes, at most 2^34; 0: no bound. An entry counts
			       * 32 at least. */
	uint64_t grow;       /* 1: take memory as entries come, also with a bound on entries */
};

/* A pointer to options: SC_EVICTION_OPTIONS(.max_entries = 1000). */
#ifndef __cplusplus
#define SC_EVICTION_OPTIONS(...)                                                                   \
	(&(const struct sc_eviction_options){ .size = sizeof(struct sc_eviction_options),          \
		__VA_ARGS__ })
#endif

/* An eviction order. The fields are for sc_eviction_mark(), and private. */
struct sc_eviction {
	unsigned char *marks; /* one for each entry */
	unsigned char now;    /* the mark of an entry that is used now */
	unsigned char reserved[7];
};

/* A number that no entry has. */
#define SC_EVICTION_NONE UINT32_MAX

/* Open an eviction order without entries.
 *
 * returns  0 with *order set; SC_E_INVAL when no bound is set or one is out of range, or
 *          SC_E_NOMEM, with *order NULL.
 * owns     the caller owns the order: sc_eviction_close(). With a bound on entries and without
 *          `grow` it allocates all its memory now, otherwise as entries are inserted.
 * threads  any; does not block. */
int sc_eviction_open(struct sc_eviction **order, const struct sc_eviction_options *options);

/* Close an eviction order; NULL is allowed.
 *
 * threads  one; does not block. */
void sc_eviction_close(struct sc_eviction *order);

/* Insert a new entry. `hash` is the hash of its key, by which the order remembers evicted keys; all
 * 64 bits should vary. `weight` counts only with a bound on weight. Ask for victims after each
 * insertion.
 *
 * returns  0 with *entry its number, or SC_EVICTION_NONE when it would evict more useful entries:
 *          then do not store it. A number is reused after its entry was removed or returned as a
 *          victim. Numbers are less than max_entries + 9; if memory grows, also less than 64 or
 *          four times the most entries so far.
 * errors   with nothing changed: SC_E_TOO_LARGE when it is heavier than the bound; SC_E_NOMEM;
 *          SC_E_INVAL when victims of earlier insertions were not asked for and use all numbers.
 * threads  one at a time; does not block. */
int sc_eviction_insert(struct sc_eviction *order, uint64_t hash, uint64_t weight, uint32_t *entry);

/* Set the weight of an entry whose value was replaced, which is also a use. Ask for victims then;
 * the entry may be one of them.
 *
 * returns  0; SC_E_TOO_LARGE, or SC_E_INVAL when there is no such entry, with nothing changed.
 * threads  one at a time; does not block. */
int sc_eviction_replace(struct sc_eviction *order, uint32_t entry, uint64_t weight);

/* Remove an entry that expired or was invalidated.
 *
 * returns  0; SC_E_INVAL when there is no such entry, or it is a victim.
 * threads  one at a time; does not block. */
int sc_eviction_remove(struct sc_eviction *order, uint32_t entry);

/* Get the next entry that the order has evicted, and that must be removed from the index.
 *
 * returns  1 with *entry set; 0 when there is none.
 * threads  one at a time; does not block. */
int sc_eviction_victim(struct sc_eviction *order, uint32_t *entry);

/* Mark an entry as used. This writes a byte, or nothing if the entry was marked recently; the
 * policy reads it when it considers the entry. Marking an entry that was removed meanwhile is
 * harmless.
 *
 * threads  any, also while another thread is in a function of the order, if there is a bound on
 *          entries. Without one, or with `grow`, an insertion may move the marks. Does not
 *          block. */
static inline void sc_eviction_mark(struct sc_eviction *order, uint32_t entry)
{
	unsigned char now = __atomic_load_n(&order->now, __ATOMIC_RELAXED);

	if (__atomic_load_n(&order->marks[entry], __ATOMIC_RELAXED) != now)
		__atomic_store_n(&order->marks[entry], now, __ATOMIC_RELAXED);
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
