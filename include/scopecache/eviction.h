/* scopecache/eviction.h - which entry of an index of your own has to go: the adaptive policy by itself.
 *
 * For a program that keeps and finds its entries itself. The order knows an entry by a small number, and nothing of
 * its key or value. It decides as a cache of the library with the same bounds does.
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
 * An order calls nothing of its owner's, takes no lock and reads no clock. All functions are for one thread at a
 * time, and do not block. Marks are different: see there.
 *
 * It takes about 41 bytes an entry, or 49 with a bound on weight, and 1.6 kB by itself.
 */
#ifndef SCOPECACHE_EVICTION_H
#define SCOPECACHE_EVICTION_H

#include <scopecache/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct sc_eviction_options {
	size_t size; /* sizeof(struct sc_eviction_options); SC_EVICTION_OPTIONS() fills it in */
	uint64_t max_entries; /* at most 2^28; 0: no bound */
	uint64_t max_weight; /* of all entries, in bytes, at most 2^34; 0: no bound. An entry counts
			       * 32 at least. */
	uint64_t grow;       /* 1: take memory as entries come, also with a bound on entries */
};

#ifndef __cplusplus
#define SC_EVICTION_OPTIONS(...)                                                                   \
	(&(const struct sc_eviction_options){ .size = sizeof(struct sc_eviction_options),          \
		__VA_ARGS__ })
#endif

/* An open order. The members are for sc_eviction_mark(); what else there is, is private. */
struct sc_eviction {
	unsigned char *marks; /* one for each entry */
	unsigned char now;    /* the mark of an entry that is used now */
	unsigned char reserved[7];
};

/* The number of no entry. */
#define SC_EVICTION_NONE UINT32_MAX

/* Open an order of no entries.
 *
 * returns  0 with *order set; SC_E_INVAL when no bound is given or one is out of its range, or
 *          SC_E_NOMEM, with *order NULL.
 * owns     the caller owns the order: sc_eviction_close(). With a bound on entries, and without `grow`,
 *          all memory is taken here, otherwise as entries come. */
int sc_eviction_open(struct sc_eviction **order, const struct sc_eviction_options *options);

/* Close an order; NULL is allowed. */
void sc_eviction_close(struct sc_eviction *order);

/* A new entry comes. `hash` is of its key and should differ in all 64 bits: by it the order remembers keys that
 * were evicted. `weight` counts only with a bound on weight.
 *
 * returns  0 with *entry set to its number, or to SC_EVICTION_NONE when it would push out entries that are worth
 *          more; then do not keep it. Ask for victims in either case. SC_E_TOO_LARGE when it is heavier
 *          than the bound, SC_E_NOMEM, or SC_E_INVAL when the victims of the last insertion were not
 *          asked for and take all numbers; then nothing has changed.
 * numbers  are used again after the entry was removed, or the victim asked for. They are less than max_entries + 9,
 *          and where memory is taken as entries come, less than 64 or than four times the most entries there
 *          were. */
int sc_eviction_insert(struct sc_eviction *order, uint64_t hash, uint64_t weight, uint32_t *entry);

/* The entry has another value, of this weight. That is a use of it too. Ask for victims then; it may be one.
 *
 * returns  0; SC_E_TOO_LARGE, and SC_E_INVAL when there is no such entry, with nothing changed. */
int sc_eviction_replace(struct sc_eviction *order, uint32_t entry, uint64_t weight);

/* The entry is gone for another reason: it has expired, or is not true any more. SC_E_INVAL when there is no
 * such entry, among them victims; otherwise 0. */
int sc_eviction_remove(struct sc_eviction *order, uint32_t entry);

/* The next of the entries that the order has evicted, which are to be removed. Returns 1 with *entry set, or 0
 * when there is none. */
int sc_eviction_victim(struct sc_eviction *order, uint32_t *entry);

/* The entry was used: a byte is written, and nothing if it was used a moment before. The policy reads it when it
 * considers the entry.
 *
 * threads  any, also while another thread is in a function of the order, if there is a bound on entries. Without
 *          one, or with `grow`, an insertion may move the marks. An entry that is gone meanwhile does no harm. */
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
