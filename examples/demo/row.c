/* Four things happen in one event loop: the invocations; half-way a request for the environments;
 * after its answer, one of them is killed; at the end a second request, for the figures. Where the
 * source goes down, that is a run of its own.
 *
 * The work of the upstream is read from the upstream itself, before and after: from the stand-in
 * for S3, and from the meter of the reports' database. No figure comes from the functions. */
#define _GNU_SOURCE /* memmem */
#include "demo/row.h"

#include "base/error.h"
#include "invoke/progress.h"
#include "upstream/upstream_meter.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 20000

struct measurement {
	struct bench *bench;
	struct row *row;
	struct fleet_view view;
	uint64_t invocations, first; /* of this run, and the index of its first event */
	unsigned parallel;
	bool is_outage;
	uint64_t answers, stale;
	bool is_killing; /* the request in progress, if any, is the one half-way */
	bool is_done;    /* all invocations have ended */
	struct sc_error error;
};

static struct sci_invoke_payload next_payload(uint64_t index, void *arg)
{
	const struct measurement *measurement = arg;
	const struct mix_event *event = mix_draw(measurement->bench->mix, measurement->bench->seed,
		measurement->first + index);

	return (struct sci_invoke_payload){ event->text, event->len };
}

static void on_answered(const struct sci_invoke_answer *answer, void *arg)
{
	static const char stale[] = "\"stale\":true";
	struct measurement *measurement = arg;

	measurement->stale +=
		memmem(answer->payload.data, answer->payload.len, stale, sizeof stale - 1) != NULL;
	if (++measurement->answers != measurement->bench->invocations / 2 || measurement->is_outage)
		return;
	measurement->is_killing = true;
	fleet_view_look(&measurement->view, measurement->row->technique->program);
}

static void on_finished(void *arg)
{
	struct measurement *measurement = arg;

	measurement->is_done = true;
	if (measurement->bench->is_stopped)
		event_base_loopbreak(measurement->bench->base);
	else if (!measurement->is_killing)
		fleet_view_look(&measurement->view, measurement->row->technique->program);
}

static void on_seen(struct fleet_view *view, int rc)
{
	struct measurement *measurement = view->arg;
	struct row *row = measurement->row;

	if (rc == 0 && measurement->is_killing) {
		if (!measurement->is_done && view->figures.pid > 1 &&
			kill(view->figures.pid, SIGKILL) == 0)
			row->killed = view->figures.pid;
		measurement->is_killing = false;
		if (measurement->is_done)
			fleet_view_look(view, row->technique->program);
		return;
	}
	if (rc < 0) {
		measurement->error = view->error;
		sci_invoke_cancel(measurement->bench->run);
	}
	row->cold_starts = view->figures.cold_starts;
	row->memory_kb = view->figures.peak_memory_kb;
	event_base_loopbreak(measurement->bench->base);
}

/* The upstream's counts so far, for all rows. */
static int read_upstream(const struct bench *bench, enum upstream upstream,
	struct upstream_meter *now, struct sc_error *error)
{
	if (upstream != UPSTREAM_S3)
		return upstream_meter_read(upstream == UPSTREAM_FLAGS ? bench->flags_meter
								      : bench->reports_meter,
			now, error);
	now->opens = atomic_load(&bench->s3->counts->connections);
	now->queries = atomic_load(&bench->s3->counts->requests);
	return 0;
}

static void take_outage(struct row *row, const struct sci_invoke_result *result, uint64_t stale)
{
	row->outage.invocations = result->done;
	row->outage.failed = result->done - result->outcomes[SCI_INVOKE_OK];
	row->outage.stale = stale;
	row->invocations += row->outage.invocations;
	row->failed += row->outage.failed;
	row->elapsed_s += (double)result->elapsed_ns / 1e9;
}

static void take_result(struct row *row, const struct sci_invoke_result *result)
{
	row->invocations = result->done;
	row->failed = result->done - result->outcomes[SCI_INVOKE_OK];
	row->first_failure = result->first_failure;
	row->p50_ms = (double)sci_histogram_percentile_ns(&result->latency, 50) / 1e6;
	row->p99_ms = (double)sci_histogram_percentile_ns(&result->latency, 99) / 1e6;
	row->elapsed_s = (double)result->elapsed_ns / 1e9;
}

/* Run the loop until all invocations have ended, or it is stopped. */
static int invoke_all(struct measurement *measurement, struct sc_error *error)
{
	struct bench *bench = measurement->bench;
	const struct sci_invoke_options options = {
		.address = bench->address,
		.host = bench->host,
		.path = "",
		.function = measurement->row->technique->program,
		.count = measurement->invocations,
		.parallel = measurement->parallel,
		.timeout_ms = TIMEOUT_MS,
		.payload = next_payload,
		.answered = on_answered,
		.finished = on_finished,
		.arg = measurement,
	};
	struct sci_progress progress;

	int rc = sci_invoke_open(&bench->run, bench->base, &options, error);
	if (rc < 0)
		return rc;
	sci_progress_start(&progress, bench->base, measurement->row->technique->label,
		measurement->invocations, &sci_invoke_result(bench->run)->done, 0);
	event_base_dispatch(bench->base);
	sci_progress_stop(&progress);
	if (measurement->is_outage)
		take_outage(measurement->row, sci_invoke_result(bench->run), measurement->stale);
	else
		take_result(measurement->row, sci_invoke_result(bench->run));
	sci_invoke_close(bench->run);
	bench->run = NULL;
	if (bench->is_stopped)
		return sci_error_set(error, SC_E_DEADLINE, 0, "interrupted");
	if (measurement->error.code == 0)
		return 0;
	*error = measurement->error;
	return error->code;
}

static int move(const char *from, const char *to, struct sc_error *error)
{
	if (rename(from, to) == 0)
		return 0;
	return sci_error_set(error, SC_E_IO, errno, "cannot rename %s", from);
}

/* Run the loop until the time has passed, or it is stopped. */
static void pause_for(const struct bench *bench, int64_t ms)
{
	const struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (!bench->is_stopped && event_base_loopexit(bench->base, &time) == 0)
		event_base_dispatch(bench->base);
}

static int invoke_in_outage(struct measurement *measurement, uint64_t invocations,
	struct sc_error *error)
{
	const struct bench *bench = measurement->bench;
	struct sc_error unused;

	measurement->first = measurement->invocations;
	measurement->invocations = invocations;
	measurement->parallel = 1;
	measurement->is_outage = true;
	measurement->is_done = false;
	measurement->stale = 0;
	int rc = move(bench->flags_file, bench->flags_hidden, error);
	if (rc < 0)
		return rc;
	pause_for(bench, bench->flags_ttl_ms);
	rc = invoke_all(measurement, error);
	int back = move(bench->flags_hidden, bench->flags_file, rc < 0 ? &unused : error);
	return rc < 0 ? rc : back;
}

int row_measure(struct row *row, struct bench *bench, const struct technique *technique,
	struct sc_error *error)
{
	bool has_outage = technique->upstream == UPSTREAM_FLAGS;
	uint64_t in_outage = has_outage ? bench->invocations / 10 : 0;
	struct measurement measurement = {
		.bench = bench,
		.row = row,
		.invocations = bench->invocations - in_outage,
		.parallel = bench->parallel,
		.view = { .base = bench->base,
			.address = &bench->address,
			.host = bench->host,
			.seen = on_seen },
	};
	struct upstream_meter before, after;

	*row = (struct row){ .technique = technique };
	measurement.view.arg = &measurement;
	int rc = fleet_view_init(&measurement.view);
	if (rc < 0)
		sci_error_set(error, rc, 0, "no memory to look at the environments");
	if (rc == 0)
		rc = read_upstream(bench, technique->upstream, &before, error);
	if (rc == 0)
		rc = invoke_all(&measurement, error);
	if (rc == 0 && has_outage)
		rc = invoke_in_outage(&measurement, in_outage, error);
	if (rc == 0)
		rc = read_upstream(bench, technique->upstream, &after, error);
	if (rc == 0) {
		row->opens = after.opens - before.opens;
		row->queries = after.queries - before.queries;
	}
	fleet_view_fini(&measurement.view);
	return rc;
}

void row_stop(struct bench *bench)
{
	bench->is_stopped = true;
	if (bench->run)
		sci_invoke_cancel(bench->run);
	event_base_loopbreak(bench->base);
}

double row_hit_ratio(const struct row *row)
{
	uint64_t work = row->technique->saves == UPSTREAM_OPENS ? row->opens : row->queries;
	uint64_t served = row->invocations - row->failed;

	return work < served ? (double)(served - work) / (double)served : 0;
}
