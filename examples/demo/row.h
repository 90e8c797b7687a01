/* One row of the table: one function, some thousands of invocations, and their costs. */
#ifndef DEMO_ROW_H
#define DEMO_ROW_H

#include "demo/fleet_view.h"
#include "demo/mix.h"
#include "demo/s3_stand_in.h"
#include "invoke/invoke.h"

#include <scopecache/error.h>

#include <stdint.h>
#include <sys/types.h>

/* The work of the upstream, which a technique can save. */
enum upstream_work { UPSTREAM_OPENS, UPSTREAM_QUERIES };
enum upstream { UPSTREAM_S3, UPSTREAM_REPORTS, UPSTREAM_FLAGS };

struct technique {
	const char *program; /* of the function, which is also its name */
	const char *name, *label;
	enum upstream upstream;
	enum upstream_work saves;
};

struct row {
	const struct technique *technique;
	uint64_t invocations, failed, cold_starts, opens, queries;
	double p50_ms, p99_ms;
	int64_t memory_kb;
	pid_t killed; /* of the environment that was killed half-way */
	double elapsed_s;
	struct sc_error first_failure;

	/* A part of the invocations, for which the source of the flags was down: not in the
	 * latencies. `stale` counts the answers with a value whose time to live was over. */
	struct row_outage {
		uint64_t invocations, failed, stale;
	} outage;
};

/* The hit ratio: the share of the successful invocations without the work that the technique saves,
 * an open or a query. The work of failed invocations counts too. */
double row_hit_ratio(const struct row *row);

/* The settings of all rows. */
struct bench {
	struct event_base *base;
	struct sci_address address; /* of the local Lambda */
	const char *host;
	const struct mix *mix;
	const struct s3_stand_in *s3;
	const char *reports_meter, *flags_meter;
	/* The file that the source of the flags is, its name while it is down, and how long the
	 * flags are fresh. */
	const char *flags_file, *flags_hidden;
	int64_t flags_ttl_ms;
	uint64_t invocations, seed;
	unsigned parallel;

	struct sci_invoke_run *run; /* of the run in progress, so that it can be stopped */
	bool is_stopped;
};

/* Invoke the technique's function, kill one of its environments half-way, and fill in the row. The
 * source of the flags is down for the last tenth of the invocations, after a pause in which the
 * flags become stale. Then one client calls, so that no environment has to start: a new one would
 * have no flags.
 *
 * returns  0; SC_E_DEADLINE when it was stopped; another SC_E_* when something could not be
 *          measured.
 * blocks   in the event loop, until all invocations have ended, or it is stopped. */
int row_measure(struct row *row, struct bench *bench, const struct technique *technique,
	struct sc_error *error);

/* Stop a measurement, from within the event loop. */
void row_stop(struct bench *bench);

#endif
