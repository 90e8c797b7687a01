/* The switch that makes every lookup of the process miss. */
#ifndef SCI_CACHE_BYPASS_H
#define SCI_CACHE_BYPASS_H

#include <stdatomic.h>
#include <stdbool.h>

/* Private to bypass.c and bypass.h. */
extern atomic_bool sci_bypass;

static inline bool sci_is_bypassed(void)
{
	return atomic_load_explicit(&sci_bypass, memory_order_relaxed);
}

/* A cache opens: read SCOPECACHE_BYPASS, unless it was read before or sc_process_set_bypass() was
 * called. */
void sci_bypass_start(void);

#endif
