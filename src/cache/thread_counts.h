/* Counters without a lock: each thread adds to its own, and a reader sums them up. */
#ifndef SCI_CACHE_THREAD_COUNTS_H
#define SCI_CACHE_THREAD_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

#define SCI_COUNTED_THREADS 16u

struct sci_thread_counts {
	unsigned char apart[128]; /* own cache lines, apart from constant fields */
	/* Slot 0 is shared by the threads that have no slot of their own. */
	struct {
		_Atomic uint64_t hits, misses;
		unsigned char apart[112]; /* two threads never write to one cache line */
	} thread[SCI_COUNTED_THREADS];
};

struct sci_thread_counts_sum {
	uint64_t hits, misses;
};

/* The slot of this thread, from 1; 0: it has none. The linker chooses the TLS model: a fixed offset
 * in a program; a call in a shared library, because dlopen() finds little static TLS space left,
 * and with musl none. */
extern _Thread_local unsigned sci_thread_counts_number;

/* Count for a thread without a slot: give it one, or add to the shared slot atomically. */
void sci_thread_counts_hit_shared(struct sci_thread_counts *counts);
void sci_thread_counts_miss_shared(struct sci_thread_counts *counts);

/* A thread with its own slot needs no atomic add, which would cost as much as a whole lookup. */
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
