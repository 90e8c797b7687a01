/* Per-thread counters of hits and misses, for lookups without a lock.
 *
 * A thread takes a slot number at its first count, uses it for all caches of the process, and
 * returns it when it ends. Threads beyond the number of slots share slot 0 and add atomically.
 *
 * The next owner of a slot adds to the counts of the previous one: releasing and acquiring the
 * slot's bit in `taken` orders their plain additions. No locks. */
#include "cache/thread_counts.h"

#include <pthread.h>
#include <stdbool.h>

_Thread_local unsigned sci_thread_counts_number;

/* One bit for each slot; 1: taken. Slot 0 is shared, so no thread ever owns it. */
#define SHARED_SLOT 1u

static atomic_uint taken = SHARED_SLOT;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

#define ALL_SLOTS ((1u << SCI_COUNTED_THREADS) - 1)

_Static_assert(SCI_COUNTED_THREADS < 32, "one bit for each slot");

/* The thread ends. If another destructor of the thread counts after this, it takes a slot again. */
static void give_back(void *value)
{
	unsigned number = sci_thread_counts_number;

	(void)value;
	sci_thread_counts_number = 0;
	atomic_fetch_and_explicit(&taken, ~(1u << number) | SHARED_SLOT, memory_order_release);
}

static void make_key(void)
{
	has_key = pthread_key_create(&key, give_back) == 0;
}

/* After dlclose() no thread that ends may call give_back(). */
__attribute__((destructor)) static void delete_key(void)
{
	if (has_key)
		pthread_key_delete(key);
	has_key = false;
}

/* Take a free slot; 0 when there is none. */
static unsigned take(void)
{
	unsigned seen = atomic_load_explicit(&taken, memory_order_relaxed);

	while (~seen & ALL_SLOTS) {
		unsigned bit = (unsigned)__builtin_ctz(~seen);
		if (atomic_compare_exchange_weak_explicit(&taken, &seen, seen | 1u << bit,
			    memory_order_acquire, memory_order_relaxed))
			return bit;
	}
	return 0;
}

/* Give this thread a slot, if one is free and the key's destructor will return it. */
static void begin(void)
{
	pthread_once(&once, make_key);
	if (has_key && pthread_setspecific(key, &taken) == 0)
		sci_thread_counts_number = take();
}

/* The count of a thread that had no slot before. */
static void count(_Atomic uint64_t *shared, _Atomic uint64_t *own)
{
	if (sci_thread_counts_number)
		sci_thread_counts_add(own);
	else
		atomic_fetch_add_explicit(shared, 1, memory_order_relaxed);
}

void sci_thread_counts_hit_shared(struct sci_thread_counts *counts)
{
	begin();
	count(&counts->thread[0].hits, &counts->thread[sci_thread_counts_number].hits);
}

void sci_thread_counts_miss_shared(struct sci_thread_counts *counts)
{
	begin();
	count(&counts->thread[0].misses, &counts->thread[sci_thread_counts_number].misses);
}

struct sci_thread_counts_sum sci_thread_counts_sum(const struct sci_thread_counts *counts)
{
	struct sci_thread_counts_sum sum = { 0 };

	for (unsigned i = 0; i < SCI_COUNTED_THREADS; i++) {
		sum.hits += atomic_load_explicit(&counts->thread[i].hits, memory_order_relaxed);
		sum.misses += atomic_load_explicit(&counts->thread[i].misses, memory_order_relaxed);
	}
	return sum;
}
