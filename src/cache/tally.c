/* A thread takes a number at its first count and keeps it, for all tallies of the process. Threads that
 * share the last number add atomically. Numbers are not given back: a process that starts threads again
 * and again ends up sharing, and counts right all the same. */
#include "cache/tally.h"

_Thread_local unsigned sci_tally_number;

unsigned sci_tally_begin(void)
{
	static atomic_uint taken;
	unsigned next = atomic_load_explicit(&taken, memory_order_relaxed);

	while (next < SCI_TALLY_THREADS - 1 &&
		!atomic_compare_exchange_weak_explicit(&taken, &next, next + 1,
			memory_order_relaxed, memory_order_relaxed))
		;
	sci_tally_number = next + 1;
	return sci_tally_number;
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
