/* The plan of a replay, a trace through caches of several sizes and policies, and its results. */
#ifndef SCI_REPLAY_REPLAY_PLAN_H
#define SCI_REPLAY_REPLAY_PLAN_H

#include "replay/trace.h"

#include <stddef.h>

/* The one table of policies: name here, name on the command line. */
#define SCI_REPLAY_POLICIES(X)                                                                     \
	X(SCI_REPLAY_ADAPTIVE, "adaptive")                                                         \
	X(SCI_REPLAY_LRU, "lru")                                                                   \
	X(SCI_REPLAY_OPT, "opt")

#define SCI_REPLAY_POLICY_ENUM(name, text) name,
enum sci_replay_policy { SCI_REPLAY_POLICIES(SCI_REPLAY_POLICY_ENUM) SCI_REPLAY_POLICY_COUNT };
#undef SCI_REPLAY_POLICY_ENUM

const char *sci_replay_policy_name(enum sci_replay_policy policy);

#define SCI_REPLAY_LIMITS_MAX 64

/* More entries would need a region larger than a cache's largest. */
#define SCI_REPLAY_ENTRIES_MAX 100000000u

/* The bounds and the policies: each bound is replayed with each policy. */
struct sci_replay_plan {
	bool bytes; /* the bounds are max_bytes, and the trace has sizes; else max_entries */
	uint64_t entry_bytes; /* with bounds in bytes: the caches' option; 0: from the trace */
	uint64_t concurrency; /* the option of the caches; 0: its default */
	uint64_t limits[SCI_REPLAY_LIMITS_MAX];
	unsigned limit_count;
	enum sci_replay_policy policies[SCI_REPLAY_POLICY_COUNT];
	unsigned policy_count;
};

struct sci_replay_result {
	uint64_t hits;
	uint64_t hit_bytes; /* of the sizes of the requests that hit */
	uint64_t saved;     /* of the costs of the requests that hit */
	uint64_t evictions;
	uint64_t rejected; /* values that were too large for the cache */
	bool bound;        /* an upper bound for any cache; the other figures are 0 */
};

/* The figures of one trace. */
struct sci_replay_figures {
	const char *path; /* borrowed from the trace */
	uint32_t requests, key_count;
	uint64_t skipped_lines;
	bool sized;
	uint64_t bytes; /* of all sizes */
	bool costed;
	uint64_t cost;                     /* of all costs */
	struct sci_replay_result *results; /* by bound and policy: sci_replay_result_of() */
};

static inline const struct sci_replay_result *sci_replay_result_of(
	const struct sci_replay_figures *figures, const struct sci_replay_plan *plan,
	unsigned limit, unsigned policy)
{
	return &figures->results[(size_t)limit * plan->policy_count + policy];
}

#endif
