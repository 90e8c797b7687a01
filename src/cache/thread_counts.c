/* A thread takes a number at its first count, uses it in all caches of the process, and returns it
 * when it ends. Threads without a number share one counter, with atomic adds.
 *
 * The next owner of a number continues its counters: the bit that says that it is taken also
 * publishes the counts. */
#include "cache/thread_counts.h"

#include <pthread.h>
#include <stdbool.h>

_Thread_local unsigned sci_thread_counts_number;

/* A bit for each number: 1 is taken. That of 0, the shared one, stays set. */
#define NOBODYS 1u

static atomic_uint taken = NOBODYS;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

#define ALL_NUMBERS ((1u << SCI_COUNTED_THREADS) - 1)

_Static_assert(SCI_COUNTED_THREADS < 32, "a bit for each number");

/* The thread ends. A later count on it takes a number again. */
static void give_back(void *value)
{
	unsigned number = sci_thread_counts_number;

	(void)value;
	sci_thread_counts_number = 0;
	atomic_fetch_and_explicit(&taken, ~(1u << number) | NOBODYS, memory_order_release);
}

static void make_key(void)
{
	has_key = pthread_key_create(&key, give_back) == 0;
}

/* A library that was unloaded must not be called when a thread ends later. */
__attribute__((destructor)) static void delete_key(void)
{
	if (has_key)
		pthread_key_delete(key);
	has_key = false;
}

/* A free number; 0 if there is none. */
static unsigned take(void)
{
	unsigned seen = atomic_load_explicit(&taken, memory_order_relaxed);

	while (~seen & ALL_NUMBERS) {
		unsigned bit = (unsigned)__builtin_ctz(~seen);
		if (atomic_compare_exchange_weak_explicit(&taken, &seen, seen | 1u << bit,
			    memory_order_acquire, memory_order_relaxed))
			return bit;
	}
	return 0;
}

/* Give this thread a number, if one is free and its end can be observed. */
static void begin(void)
{
	pthread_once(&once, make_key);
	if (has_key && pthread_setspecific(key, &taken) == 0)
		sci_thread_counts_number = take();
}

/* Count on a thread that has not counted before, or found no free number. */
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
