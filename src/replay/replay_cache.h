/* Replays a trace through one cache. */
#ifndef SCI_REPLAY_REPLAY_CACHE_H
#define SCI_REPLAY_REPLAY_CACHE_H

#include "replay/replay_bar.h"
#include "replay/replay_plan.h"

#include <scopecache/error.h>

/* Open a cache, look up each key of the trace in it, and put each missing value. The plan tells
 * what `limit` bounds, entries or bytes.
 *
 * returns  0; SC_E_NOMEM, or another failure of the cache. */
int sci_replay_cache(const struct sci_trace *trace, const struct sci_replay_plan *plan,
	enum sci_replay_policy policy, uint64_t limit, struct sci_replay_bar *bar,
	struct sci_replay_result *result, struct sc_error *error);

#endif
