/* scopecache replay: the hit ratios of caches for recorded requests.
 *
 * Traces are read and replayed one after the other, so that only one is in memory. The table of a
 * trace is printed at once. JSON and the plot cover all traces, and are written at the end if all
 * succeeded. */
#include "cli/cmd_replay.h"

#include "base/error.h"
#include "cli/replay_options.h"
#include "replay/curve_plot.h"
#include "replay/replay_report.h"
#include "replay/replay_run.h"
#include "replay/trace_open.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

static void complain(const struct sc_error *error)
{
	fprintf(stderr, "scopecache replay: %s\n", error->message);
}

/* A replay may take minutes, so check before it that the output file can be written. */
static int check_writable(const char *path, struct sc_error *error)
{
	if (access(path, W_OK) == 0)
		return 0;
	int reason = errno;
	char *copy = reason == ENOENT ? strdup(path) : NULL;
	if (copy)
		reason = access(dirname(copy), W_OK) == 0 ? 0 : errno;
	free(copy);
	return reason ? sci_error_set(error, SC_E_INVAL, reason, "cannot write %s", path) : 0;
}

static int write_all(FILE *file, const char *name, const struct sci_buffer *text,
	struct sc_error *error)
{
	if (fwrite(text->data, 1, text->len, file) == text->len && fflush(file) == 0)
		return 0;
	return sci_error_set(error, SC_E_IO, errno, "cannot write %s", name);
}

static int write_plot(const char *path, const struct sci_buffer *text, struct sc_error *error)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return sci_error_set(error, SC_E_IO, errno, "cannot write %s", path);
	int rc = write_all(file, path, text, error);
	if (fclose(file) != 0 && rc == 0)
		rc = sci_error_set(error, SC_E_IO, errno, "cannot write %s", path);
	return rc;
}

/* The plot is written first: when that fails, the command prints no JSON. */
static int write_outputs(const struct sci_replay_arguments *arguments,
	const struct sci_replay_figures *figures, struct sci_buffer *plot, struct sci_buffer *json,
	struct sc_error *error)
{
	size_t count = arguments->trace_count;

	if (arguments->plot && sci_curve_plot(plot, &arguments->plan, figures, count) < 0)
		return sci_error_plain(error, SC_E_NOMEM);
	if (arguments->json && sci_replay_print_json(json, &arguments->plan, figures, count) < 0)
		return sci_error_plain(error, SC_E_NOMEM);
	int rc = arguments->plot ? write_plot(arguments->plot, plot, error) : 0;
	if (rc < 0)
		return rc;
	return arguments->json ? write_all(stdout, "standard output", json, error) : 0;
}

static int conclude(const struct sci_replay_arguments *arguments,
	const struct sci_replay_figures *figures, struct sc_error *error)
{
	struct sci_buffer plot = { 0 }, json = { 0 };

	int rc = write_outputs(arguments, figures, &plot, &json, error);
	sci_buffer_fini(&plot);
	sci_buffer_fini(&json);
	return rc;
}

static int print_table(const struct sci_replay_arguments *arguments,
	const struct sci_replay_figures *figures, bool first, struct sc_error *error)
{
	struct sci_buffer table = { 0 };

	if (!first)
		sci_buffer_append(&table, "\n", 1);
	int rc = sci_replay_print_table(&table, &arguments->plan, figures);
	if (rc < 0)
		sci_error_set(error, rc, 0, "%s", sc_result_text(rc));
	else
		rc = write_all(stdout, "standard output", &table, error);
	sci_buffer_fini(&table);
	return rc;
}

/* Read and replay a trace. Returns an exit status. */
static int replay(const struct sci_replay_arguments *arguments, size_t index,
	struct sci_replay_bar *bar, struct sci_replay_figures *figures, struct sc_error *error)
{
	const struct sci_replay_plan *plan = &arguments->plan;
	const uint64_t steps = 1 + (uint64_t)plan->limit_count * plan->policy_count;
	struct sci_trace *trace;

	sci_replay_bar_step(bar, index * steps, arguments->traces[index]);
	int rc = sci_trace_open(&trace, arguments->traces[index], &arguments->trace, bar, error);
	if (rc < 0)
		return rc == SC_E_INVAL ? STATUS_USAGE : STATUS_FAILED;
	rc = sci_replay_trace(trace, plan, bar, index * steps + 1, figures, error);
	sci_trace_close(trace);
	sci_replay_bar_wipe(bar);
	if (rc == 0 && !arguments->json)
		rc = print_table(arguments, figures, index == 0, error);
	return rc < 0 ? STATUS_FAILED : STATUS_OK;
}

static int replay_all(const struct sci_replay_arguments *arguments,
	struct sci_replay_figures *figures, struct sc_error *error)
{
	const struct sci_replay_plan *plan = &arguments->plan;
	struct sci_replay_bar bar;
	int status = STATUS_OK;

	sci_replay_bar_start(&bar,
		arguments->trace_count * (1 + (uint64_t)plan->limit_count * plan->policy_count));
	for (size_t i = 0; i < arguments->trace_count && status == STATUS_OK; i++)
		status = replay(arguments, i, &bar, &figures[i], error);
	sci_replay_bar_wipe(&bar);
	if (status == STATUS_OK && conclude(arguments, figures, error) < 0)
		status = STATUS_FAILED;
	return status;
}

int sci_cmd_replay(int argc, char **argv)
{
	struct sci_replay_arguments arguments;
	struct sc_error error;

	sci_replay_arguments_parse(&arguments, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (arguments.plot && check_writable(arguments.plot, &error) < 0) {
		complain(&error);
		return STATUS_USAGE;
	}
	struct sci_replay_figures *figures = calloc(arguments.trace_count, sizeof *figures);
	if (!figures) {
		fprintf(stderr, "scopecache replay: %s\n", sc_result_text(SC_E_NOMEM));
		return STATUS_FAILED;
	}
	int status = replay_all(&arguments, figures, &error);
	if (status != STATUS_OK)
		complain(&error);
	for (size_t i = 0; i < arguments.trace_count; i++)
		sci_replay_figures_fini(&figures[i]);
	free(figures);
	return status;
}
