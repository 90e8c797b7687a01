/* Replays the plan, one policy after the other. The optimum prepares the trace once for all
 * bounds. */
#include "replay/replay_run.h"

#include "replay/belady.h"
#include "replay/byte_bound.h"
#include "replay/replay_cache.h"

#include "base/error.h"

#include <stdlib.h>

void sci_replay_figures_fini(struct sci_replay_figures *figures)
{
	free(figures->results);
	*figures = (struct sci_replay_figures){ 0 };
}

/* results[0] is for the first bound, results[plan->policy_count] for the second, and so on. */
static int replay_policy(const struct sci_trace *trace, const struct sci_replay_plan *plan,
	enum sci_replay_policy policy, struct sci_replay_bar *bar, uint64_t step,
	struct sci_replay_result *results, struct sc_error *error)
{
	struct sci_belady *belady = NULL;
	int rc = 0;

	if (policy == SCI_REPLAY_OPT && plan->bytes)
		return sci_byte_bound(trace, plan->limits, plan->limit_count, results,
			plan->policy_count, error);
	if (policy == SCI_REPLAY_OPT)
		rc = sci_belady_open(&belady, trace, error);
	for (unsigned i = 0; i < plan->limit_count && rc == 0; i++) {
		struct sci_replay_result *result = &results[(size_t)i * plan->policy_count];
		sci_replay_bar_step(bar, step + i, trace->path);
		if (belady)
			sci_belady_replay(belady, plan->limits[i], bar, result);
		else
			rc = sci_replay_cache(trace, plan, policy, plan->limits[i], bar, result,
				error);
	}
	sci_belady_close(belady);
	return rc;
}

int sci_replay_trace(const struct sci_trace *trace, const struct sci_replay_plan *plan,
	struct sci_replay_bar *bar, uint64_t step, struct sci_replay_figures *figures,
	struct sc_error *error)
{
	int rc = 0;

	*figures = (struct sci_replay_figures){
		.path = trace->path,
		.requests = trace->requests,
		.key_count = trace->key_count,
		.skipped_lines = trace->skipped_lines,
		.sized = trace->sizes != NULL,
		.bytes = trace->bytes,
		.costed = trace->costs != NULL,
		.cost = trace->cost,
		.results = calloc((size_t)plan->limit_count * plan->policy_count,
			sizeof *figures->results),
	};
	if (!figures->results)
		return sci_error_set(error, SC_E_NOMEM, 0, "no memory for the figures of %s",
			trace->path);
	for (unsigned i = 0; i < plan->policy_count && rc == 0; i++)
		rc = replay_policy(trace, plan, plan->policies[i], bar,
			step + (uint64_t)i * plan->limit_count, figures->results + i, error);
	return rc;
}
