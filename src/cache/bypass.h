/* Whether all lookups of the process miss. */
#ifndef SCI_CACHE_BYPASS_H
#define SCI_CACHE_BYPASS_H

#include <stdatomic.h>
#include <stdbool.h>

/* Private to these two files. */
enum { SCI_BYPASS_UNDECIDED, SCI_BYPASS_OFF, SCI_BYPASS_ON };
extern atomic_int sci_bypass;

static inline bool sci_is_bypassed(void)
{
	return atomic_load_explicit(&sci_bypass, memory_order_relaxed) == SCI_BYPASS_ON;
}

/* A cache is opened: read the environment, unless sc_process_set_bypass() was called. */
void sci_bypass_start(void);

#endif
