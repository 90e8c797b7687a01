/* An upper bound of the hits of any cache of so many bytes, for values of different sizes. */
#ifndef SCI_REPLAY_BYTE_BOUND_H
#define SCI_REPLAY_BYTE_BOUND_H

#include "replay/replay_plan.h"

#include <scopecache/error.h>

/* Bound the hits, and the bytes of hits, for each of `limits`, in results[0], results[apart], and
 * so on. Returns 0, or SC_E_NOMEM. */
int sci_byte_bound(const struct sci_trace *trace, const uint64_t *limits, unsigned limit_count,
	struct sci_replay_result *results, unsigned apart, struct sc_error *error);

#endif
