/* A thread takes a number at its first count and keeps it, for all tallies of the process. Alone with its
 * number it needs no atomic addition, which would cost as much as a whole lookup; threads that share the
 * last number do. Numbers are not given back: a process that starts threads again and again ends up
 * sharing, and counts right all the same. */
#include "cache/tally.h"

#include <stdbool.h>

static unsigned own_number(void)
{
	static atomic_uint taken;
	static _Thread_local unsigned number; /* from 1; 0: none yet */

	if (number == 0) {
		unsigned next = atomic_load_explicit(&taken, memory_order_relaxed);
		while (next < SCI_TALLY_THREADS - 1 &&
			!atomic_compare_exchange_weak_explicit(&taken, &next, next + 1,
				memory_order_relaxed, memory_order_relaxed))
			;
		number = next + 1;
	}
	return number - 1;
}

static void count(_Atomic uint64_t *counter, bool is_shared)
{
	if (is_shared)
		atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	else
		atomic_store_explicit(counter,
			atomic_load_explicit(counter, memory_order_relaxed) + 1,
			memory_order_relaxed);
}

void sci_tally_hit(struct sci_tally *tally)
{
	unsigned number = own_number();

	count(&tally->thread[number].hits, number == SCI_TALLY_THREADS - 1);
}

void sci_tally_miss(struct sci_tally *tally)
{
	unsigned number = own_number();

	count(&tally->thread[number].misses, number == SCI_TALLY_THREADS - 1);
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
