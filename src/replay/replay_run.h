/* Replays a trace for all bounds and policies of a plan. */
#ifndef SCI_REPLAY_REPLAY_RUN_H
#define SCI_REPLAY_REPLAY_RUN_H

#include "replay/replay_bar.h"
#include "replay/replay_plan.h"

#include <scopecache/error.h>

/* Replay the trace for everything in the plan: plan->limit_count x plan->policy_count steps of the
 * bar, the first of which is `step`.
 *
 * returns  0; SC_E_NOMEM, or another failure of the cache.
 * owns     the caller has figures to sci_replay_figures_fini(), also after a failure. */
int sci_replay_trace(const struct sci_trace *trace, const struct sci_replay_plan *plan,
	struct sci_replay_bar *bar, uint64_t step, struct sci_replay_figures *figures,
	struct sc_error *error);

void sci_replay_figures_fini(struct sci_replay_figures *figures);

#endif
