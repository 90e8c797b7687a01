/* Counting what happens without a lock: each thread counts for itself, and a sum is made when somebody
 * asks. */
#ifndef SCI_CACHE_TALLY_H
#define SCI_CACHE_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

#define SCI_TALLY_THREADS 16u

struct sci_tally {
	/* The last is shared by all threads that came too late for one of their own. */
	struct {
		_Atomic uint64_t hits, misses;
		unsigned char apart[112]; /* two threads never write into one line of memory */
	} thread[SCI_TALLY_THREADS];
};

struct sci_tally_sum {
	uint64_t hits, misses;
};

void sci_tally_hit(struct sci_tally *tally);
void sci_tally_miss(struct sci_tally *tally);

struct sci_tally_sum sci_tally_sum(const struct sci_tally *tally);

#endif
