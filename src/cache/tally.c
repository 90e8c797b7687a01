/* A thread takes a number at its first count, keeps it for all tallies of the process, and gives it back
 * when it ends. Threads that find none left share one counter, and add atomically.
 *
 * Who takes over a number goes on counting where the former thread stopped: the bit that says that a
 * number is taken also hands over what was counted with it. */
#include "cache/tally.h"

#include <pthread.h>
#include <stdbool.h>

_Thread_local unsigned sci_tally_number;

/* A bit for each number: 1 is taken. That of 0, which is nobody's, stays. */
#define NOBODYS 1u

static atomic_uint taken = NOBODYS;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

#define ALL_NUMBERS ((1u << SCI_TALLY_THREADS) - 1)

_Static_assert(SCI_TALLY_THREADS < 32, "a bit for each number");

/* The thread ends. What still counts on it after this takes a number anew. */
static void give_back(void *value)
{
	unsigned number = sci_tally_number;

	(void)value;
	sci_tally_number = 0;
	atomic_fetch_and_explicit(&taken, ~(1u << number) | NOBODYS, memory_order_release);
}

static void make_key(void)
{
	has_key = pthread_key_create(&key, give_back) == 0;
}

/* A library that is unloaded must not be called when a thread ends later. */
__attribute__((destructor)) static void delete_key(void)
{
	if (has_key)
		pthread_key_delete(key);
	has_key = false;
}

/* A number that nobody has; 0 when there is none. */
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

/* A number for this thread, if there is one, and if it can be told when the thread ends. */
static void begin(void)
{
	pthread_once(&once, make_key);
	if (has_key && pthread_setspecific(key, &taken) == 0)
		sci_tally_number = take();
}

/* Where a thread counts that has not counted before, or found no number then. */
static void count(_Atomic uint64_t *shared, _Atomic uint64_t *own)
{
	if (sci_tally_number)
		sci_tally_add(own);
	else
		atomic_fetch_add_explicit(shared, 1, memory_order_relaxed);
}

void sci_tally_hit_shared(struct sci_tally *tally)
{
	begin();
	count(&tally->thread[0].hits, &tally->thread[sci_tally_number].hits);
}

void sci_tally_miss_shared(struct sci_tally *tally)
{
	begin();
	count(&tally->thread[0].misses, &tally->thread[sci_tally_number].misses);
}

struct sci_tally_sum sci_tally_sum(const struct sci_tally *tally)
{
	struct sci_tally_sum sum = { 0 };

	for (unsigned i = 0; i < SCI_TALLY_THREADS; i++) {
		sum.hits += atomic_load_explicit(&tally->thread[i].hits, memory_order_relaxed);
		sum.misses += atomic_load_explicit(&tally->thread[i].misses, memory_order_relaxed);
	}
	return sum;
}
