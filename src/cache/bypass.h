/* Whether every lookup of the process is to miss. */
#ifndef SCI_CACHE_BYPASS_H
#define SCI_CACHE_BYPASS_H

#include <stdatomic.h>
#include <stdbool.h>

/* Private to these two files. */
extern atomic_bool sci_bypass;

static inline bool sci_is_bypassed(void)
{
	return atomic_load_explicit(&sci_bypass, memory_order_relaxed);
}

/* A cache is opened: what the environment says holds from now on, unless sc_process_set_bypass() was
 * called. */
void sci_bypass_start(void);

#endif
