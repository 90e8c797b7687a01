/* Whether all lookups of the process miss. */
#ifndef SCI_CACHE_BYPASS_H
#define SCI_CACHE_BYPASS_H

#include "cache/unusual.h"

static inline bool sci_is_bypassed(void)
{
	return sci_is_unusual(SCI_UNUSUAL_BYPASS);
}

/* A cache is opened: read the environment, unless sc_process_set_bypass() was called. */
void sci_bypass_start(void);

#endif
