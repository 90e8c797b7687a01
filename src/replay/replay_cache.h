/* A trace through one cache. */
#ifndef SCI_REPLAY_REPLAY_CACHE_H
#define SCI_REPLAY_REPLAY_CACHE_H

#include "replay/replay_bar.h"
#include "replay/replay_plan.h"

#include <scopecache/error.h>

/* Ask a cache that is opened for this alone for each key of the trace, and put what it misses. Of
 * the plan it needs to know what is bounded.
 *
 * returns  0; SC_E_NOMEM, or another failure of the cache. */
int sci_replay_cache(const struct sci_trace *trace, const struct sci_replay_plan *plan,
	enum sci_replay_policy policy, uint64_t limit, struct sci_replay_bar *bar,
	struct sci_replay_result *result, struct sc_error *error);

#endif
