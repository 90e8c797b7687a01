/* Four things happen in one event loop: the invocations; half-way a request for the environments;
 * after its answer, one of them is killed; at the end a second request, for the figures.
 *
 * The work of the upstream is read from the upstream itself, before and after: from the stand-in
 * for S3, and from the meter of the reports' database. No figure comes from the functions. */
#include "demo/row.h"

#include "base/error.h"
#include "invoke/progress.h"
#include "upstream/upstream_meter.h"

#include <event2/event.h>
#include <signal.h>
#include <stdatomic.h>

#define TIMEOUT_MS 20000

struct measurement {
	struct bench *bench;
	struct row *row;
	struct fleet_view view;
	uint64_t answers;
	bool is_killing; /* the request in progress, if any, is the one half-way */
	bool is_done;    /* all invocations have ended */
	struct sc_error error;
};

static struct sci_invoke_payload next_payload(uint64_t index, void *arg)
{
	const struct measurement *measurement = arg;
	const struct mix_event *event =
		mix_draw(measurement->bench->mix, measurement->bench->seed, index);

	return (struct sci_invoke_payload){ event->text, event->len };
}

static void on_answered(const struct sci_invoke_answer *answer, void *arg)
{
	struct measurement *measurement = arg;

	(void)answer;
	if (++measurement->answers != measurement->bench->invocations / 2)
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
	if (upstream == UPSTREAM_REPORTS)
		return upstream_meter_read(bench->reports_meter, now, error);
	now->opens = atomic_load(&bench->s3->counts->connections);
	now->queries = atomic_load(&bench->s3->counts->requests);
	return 0;
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
		.count = bench->invocations,
		.parallel = bench->parallel,
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
		bench->invocations, &sci_invoke_result(bench->run)->done, 0);
	event_base_dispatch(bench->base);
	sci_progress_stop(&progress);
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

int row_measure(struct row *row, struct bench *bench, const struct technique *technique,
	struct sc_error *error)
{
	struct measurement measurement = {
		.bench = bench,
		.row = row,
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
