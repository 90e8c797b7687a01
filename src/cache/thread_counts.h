/* Counting what happens without a lock: each thread counts for itself, and a sum is made when somebody
 * asks. */
#ifndef SCI_CACHE_THREAD_COUNTS_H
#define SCI_CACHE_THREAD_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

#define SCI_COUNTED_THREADS 16u

struct sci_thread_counts {
	unsigned char apart[128]; /* from what all threads read, and nobody writes */
	/* The first is shared by all threads that have no number of their own. */
	struct {
		_Atomic uint64_t hits, misses;
		unsigned char apart[112]; /* two threads never write into one line of memory */
	} thread[SCI_COUNTED_THREADS];
};

struct sci_thread_counts_sum {
	uint64_t hits, misses;
};

/* The number of this thread, from 1; 0: it has none of its own. The linker chooses how it is found: in a
 * program at a fixed place, in a shared library by a call, because one that is loaded late finds no
 * room, or with musl never has any, in the memory that every thread has from its start. */
extern _Thread_local unsigned sci_thread_counts_number;

/* The same for a thread that has none: give it one, or add atomically. */
void sci_thread_counts_hit_shared(struct sci_thread_counts *counts);
void sci_thread_counts_miss_shared(struct sci_thread_counts *counts);

/* Alone with its number a thread needs no atomic addition, which would cost as much as a whole lookup. */
static inline void sci_thread_counts_add(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

static inline void sci_thread_counts_hit(struct sci_thread_counts *counts)
{
	if (sci_thread_counts_number)
		sci_thread_counts_add(&counts->thread[sci_thread_counts_number].hits);
	else
		sci_thread_counts_hit_shared(counts);
}

static inline void sci_thread_counts_miss(struct sci_thread_counts *counts)
{
	if (sci_thread_counts_number)
		sci_thread_counts_add(&counts->thread[sci_thread_counts_number].misses);
	else
		sci_thread_counts_miss_shared(counts);
}

struct sci_thread_counts_sum sci_thread_counts_sum(const struct sci_thread_counts *counts);

#endif
