/* One row of the table: one function, invoked a few thousand times, and what that cost. */
#ifndef DEMO_ROW_H
#define DEMO_ROW_H

#include "demo/fleet_view.h"
#include "demo/mix.h"
#include "demo/s3_stand_in.h"
#include "invoke/invoke.h"

#include <scopecache/error.h>

#include <stdint.h>
#include <sys/types.h>

/* What the upstream is asked for, and so what a technique can save. */
enum upstream_work { UPSTREAM_OPENS, UPSTREAM_QUERIES };
enum upstream { UPSTREAM_S3, UPSTREAM_REPORTS };

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
	pid_t killed; /* the environment that was killed half-way */
	double elapsed_s;
	struct sc_error first_failure;
};

/* The hit ratio, for every row: of the invocations that were served, the share for which the upstream did
 * not have to do the work that the technique saves, an open or a query. What an invocation that failed
 * had it do counts as work all the same. */
double row_hit_ratio(const struct row *row);

/* What every row is measured with. */
struct bench {
	struct event_base *base;
	struct sci_address address; /* of the local Lambda */
	const char *host;
	const struct mix *mix;
	const struct s3_stand_in *s3;
	const char *reports_meter;
	uint64_t invocations, seed;
	unsigned parallel;

	struct sci_invoke_run *run; /* while there is one: for the one who has to stop it */
	bool is_stopped;
};

/* Invoke the technique's function, kill one of its environments half-way, and fill in the row.
 *
 * returns  0; SC_E_DEADLINE when it was stopped; another SC_E_* when something could not be measured.
 * blocks   in the event loop, until all is done or stopped. */
int row_measure(struct row *row, struct bench *bench, const struct technique *technique,
	struct sc_error *error);

/* Stop a measurement, from within the event loop. */
void row_stop(struct bench *bench);

#endif
