/* How long something usually takes: the time within which about nineteen of twenty end. It follows
 * a longer one at once, and shorter ones slowly. Any thread. */
#ifndef SCI_CACHE_USUAL_H
#define SCI_CACHE_USUAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t sci_usual; /* microseconds */

static inline void sci_usual_learn(sci_usual *usual, int64_t took_us)
{
	uint64_t usual_us = atomic_load(usual), us = took_us > 0 ? (uint64_t)took_us : 0;

	atomic_store(usual,
		us > usual_us ? (us + usual_us + 1) / 2 : usual_us - (usual_us - us) / 38);
}

/* Expect a little less, so that what was slow once is tried again. */
static inline void sci_usual_relent(sci_usual *usual)
{
	uint64_t usual_us = atomic_load(usual);

	atomic_store(usual, usual_us - usual_us / 16);
}

/* Whether it usually ends in the time that is left. */
static inline bool sci_usual_fits(const sci_usual *usual, int64_t left_ms)
{
	return (int64_t)(atomic_load(usual) / 1000) < left_ms;
}

#endif
