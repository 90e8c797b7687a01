/* What makes a lookup need more than its quickest path, in one word for the whole process. */
#ifndef SCI_CACHE_UNUSUAL_H
#define SCI_CACHE_UNUSUAL_H

#include <stdatomic.h>
#include <stdbool.h>

enum {
	SCI_UNUSUAL_BYPASS = 1, /* all lookups miss */
	SCI_UNUSUAL_SCOPES = 2  /* a scope was entered in this process, or a cache is strict */
};

extern atomic_uint sci_unusual;

static inline bool sci_is_unusual(unsigned what)
{
	return atomic_load_explicit(&sci_unusual, memory_order_relaxed) & what;
}

static inline void sci_unusual_set(unsigned what, bool is_so)
{
	if (is_so)
		atomic_fetch_or(&sci_unusual, what);
	else
		atomic_fetch_and(&sci_unusual, ~what);
}

#endif
