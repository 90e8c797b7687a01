/* The demo: runs functions in C on a local Lambda that keep their state between invocations, and
 * the same functions with nothing kept.
 *
 * It starts a stand-in for S3 and `scopecache local`, which starts the functions, and makes a
 * folder with the reports' database. At its end, also after an error or Ctrl-C, it stops the
 * processes and removes the folder; the processes also end when it is killed. So only demo_run()
 * returns early. */
#include "demo/demo_options.h"
#include "demo/demo_table.h"
#include "demo/local_lambda.h"
#include "demo/row.h"
#include "demo/s3_stand_in.h"
#include "demo/workspace.h"

#include "base/error.h"
#include "reports/reports.h"
#include "upstream/upstream_meter.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The purchases of a user in a year, two a week. */
#define ENTRIES_PER_REPORT 100
#define SKEW               0.99
#define SEED               20231

/* The source of the flags takes a request. They are refreshed when they are so old, and stale after
 * six times as long. */
#define FLAGS_DELAY_MS   5
#define FLAGS_REFRESH_MS 50
#define FLAGS_TTL_MS     (6 * FLAGS_REFRESH_MS)

static const struct technique techniques[] = {
	{ "list_buckets_cold", "list_buckets: nothing kept", "nothing kept", UPSTREAM_S3,
		UPSTREAM_OPENS },
	{ "global_variable", "list_buckets: 1 global variable", "1 global variable", UPSTREAM_S3,
		UPSTREAM_OPENS },
	{ "report_cold", "report: nothing kept", "nothing kept", UPSTREAM_REPORTS, UPSTREAM_OPENS },
	{ "class_level_holder", "report: 2 class-level holder", "2 class-level holder",
		UPSTREAM_REPORTS, UPSTREAM_OPENS },
	{ "explicit_cache", "report: 3 explicit cache", "3 explicit cache", UPSTREAM_REPORTS,
		UPSTREAM_QUERIES },
	{ "memoised_function", "report: 4 memoised function", "4 memoised function",
		UPSTREAM_REPORTS, UPSTREAM_QUERIES },
	{ "flags_cold", "flags: nothing kept", "nothing kept", UPSTREAM_FLAGS, UPSTREAM_QUERIES },
	{ "fresh_config", "flags: 5 fresh config", "5 fresh config", UPSTREAM_FLAGS,
		UPSTREAM_QUERIES },
};
#define TECHNIQUES (sizeof techniques / sizeof techniques[0])

struct demo {
	struct demo_options options;
	struct workspace workspace;
	struct s3_stand_in s3;
	struct local_lambda lambda;
	struct event *interrupt, *terminate;
	struct bench bench;
	struct mix mix;
	struct sci_buffer host;
	struct row rows[TECHNIQUES];
	int signal;
};

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct demo *demo = arg;

	(void)what;
	demo->signal = (int)number;
	row_stop(&demo->bench);
}

static bool is_stopped(void *arg)
{
	const struct demo *demo = arg;

	event_base_loop(demo->bench.base, EVLOOP_NONBLOCK);
	return demo->bench.is_stopped;
}

static int catch_signals(struct demo *demo, struct sc_error *error)
{
	struct event_base *base = event_base_new();

	demo->bench.base = base;
	demo->interrupt = base ? evsignal_new(base, SIGINT, on_signal, demo) : NULL;
	demo->terminate = base ? evsignal_new(base, SIGTERM, on_signal, demo) : NULL;
	if (!demo->interrupt || !demo->terminate || event_add(demo->interrupt, NULL) < 0 ||
		event_add(demo->terminate, NULL) < 0)
		return sci_error_set(error, SC_E_NOMEM, 0, "no memory for an event loop");
	return 0;
}

/* The database, and the meter of its opens and queries. */
static int make_reports(const struct demo *demo, struct sc_error *error)
{
	char database[2 * WORKSPACE_PATH_BYTES], meter_path[2 * WORKSPACE_PATH_BYTES];
	struct upstream_meter *meter = NULL;

	workspace_path(&demo->workspace, "reports.db", database);
	workspace_path(&demo->workspace, "reports.meter", meter_path);
	if (setenv("REPORTS_DB", database, 1) < 0 || setenv("REPORTS_METER", meter_path, 1) < 0)
		return sci_error_set(error, SC_E_NOMEM, errno, "cannot set the environment");
	int rc = upstream_meter_open(&meter, "REPORTS_METER", error);
	upstream_meter_close(meter);
	return rc < 0 ? rc
		      : reports_create(database, MIX_USERS, MIX_PARAMS, ENTRIES_PER_REPORT, error);
}

/* The file with the flags, and the meter of its requests. */
static int make_flags(const struct demo *demo, struct sc_error *error)
{
	char file_path[2 * WORKSPACE_PATH_BYTES], meter_path[2 * WORKSPACE_PATH_BYTES];
	struct upstream_meter *meter = NULL;
	char delay[16], refresh[16];

	snprintf(delay, sizeof delay, "%d", FLAGS_DELAY_MS);
	snprintf(refresh, sizeof refresh, "%d", FLAGS_REFRESH_MS);
	workspace_path(&demo->workspace, "flags.json", file_path);
	workspace_path(&demo->workspace, "flags.meter", meter_path);
	if (setenv("FLAGS_FILE", file_path, 1) < 0 || setenv("FLAGS_METER", meter_path, 1) < 0 ||
		setenv("FLAGS_DELAY_MS", delay, 1) < 0 ||
		setenv("FLAGS_REFRESH_MS", refresh, 1) < 0)
		return sci_error_set(error, SC_E_NOMEM, errno, "cannot set the environment");
	FILE *file = fopen(file_path, "we");
	bool is_written = file && fputs("{\"new_checkout\":true}", file) >= 0;
	if ((file && fclose(file) < 0) || !is_written)
		return sci_error_set(error, SC_E_IO, errno, "cannot write %s", file_path);
	int rc = upstream_meter_open(&meter, "FLAGS_METER", error);
	upstream_meter_close(meter);
	return rc;
}

/* The endpoint and credentials of S3, which the functions inherit. They replace the environment's
 * own settings and proxies, so that all requests go to the stand-in. */
static int point_at_s3(const struct s3_stand_in *s3, struct sc_error *error)
{
	char url[64];
	const char *const settings[][2] = {
		{ "AWS_ENDPOINT_URL_S3", url },
		{ "AWS_ACCESS_KEY_ID", "demo" },
		{ "AWS_SECRET_ACCESS_KEY", "demo" },
		{ "AWS_SESSION_TOKEN", "" },
		{ "AWS_REGION", "us-east-1" },
		{ "S3_METER", "" },
		{ "no_proxy", "127.0.0.1" },
	};

	snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)s3->port);
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		if (setenv(settings[i][0], settings[i][1], 1) < 0)
			return sci_error_set(error, SC_E_NOMEM, errno,
				"cannot set the environment");
	return 0;
}

static int start_lambda(struct demo *demo, struct sc_error *error)
{
	char out[2 * WORKSPACE_PATH_BYTES], log[2 * WORKSPACE_PATH_BYTES];
	static char functions[TECHNIQUES][DEMO_PATH_BYTES + 64];
	/* The functions share files in the demo's folder, which may be in /tmp. */
	static char shared[] = "--no-isolation";
	static char local[] = "local", quiet[] = "--quiet", function[] = "--function";
	char *command[5 + 2 * TECHNIQUES] = { demo->options.scopecache, local, quiet, shared };
	struct sci_endpoint endpoint = { 0 };
	size_t words = 4;

	for (size_t i = 0; i < TECHNIQUES; i++) {
		const char *program = techniques[i].program;
		snprintf(functions[i], sizeof functions[i], "%s=%s/%s", program,
			demo->options.functions, program);
		command[words++] = function;
		command[words++] = functions[i];
	}
	workspace_path(&demo->workspace, "local.out", out);
	workspace_path(&demo->workspace, "local.log", log);
	int rc = local_lambda_start(&demo->lambda, command, out, log, is_stopped, demo, error);
	if (rc == 0)
		rc = sci_endpoint_parse(&endpoint, demo->lambda.url, error);
	if (rc == 0)
		rc = sci_endpoint_resolve(&endpoint, &demo->bench.address, error);
	if (rc == 0 && sci_endpoint_print(&endpoint, &demo->host) < 0)
		rc = sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	demo->bench.host = demo->host.data;
	return rc;
}

static int measure_all(struct demo *demo, struct sc_error *error)
{
	static char meter[2 * WORKSPACE_PATH_BYTES], flags_meter[2 * WORKSPACE_PATH_BYTES];
	static char flags[2 * WORKSPACE_PATH_BYTES], hidden[2 * WORKSPACE_PATH_BYTES];
	int rc = 0;

	mix_init(&demo->mix, SKEW);
	demo->bench.mix = &demo->mix;
	demo->bench.s3 = &demo->s3;
	demo->bench.reports_meter = workspace_path(&demo->workspace, "reports.meter", meter);
	demo->bench.flags_meter = workspace_path(&demo->workspace, "flags.meter", flags_meter);
	demo->bench.flags_file = workspace_path(&demo->workspace, "flags.json", flags);
	demo->bench.flags_hidden = workspace_path(&demo->workspace, "flags.hidden", hidden);
	demo->bench.flags_ttl_ms = FLAGS_TTL_MS;
	demo->bench.invocations = demo->options.invocations;
	demo->bench.parallel = demo->options.parallel;
	demo->bench.seed = SEED;
	for (size_t i = 0; i < TECHNIQUES && rc == 0; i++) {
		struct row *row = &demo->rows[i];
		rc = row_measure(row, &demo->bench, &techniques[i], error);
		if (rc == 0 && !isatty(STDERR_FILENO))
			fprintf(stderr, "demo: %s: %llu invocations in %.2f s\n",
				row->technique->name, (unsigned long long)row->invocations,
				row->elapsed_s);
	}
	return rc;
}

/* One environment was killed, perhaps while it was busy, and the function that keeps nothing fails
 * while its source is down; more failures than these are an error. Returns the exit status. */
static int look_at_failures(const struct row *rows)
{
	int status = 0;

	for (size_t i = 0; i < TECHNIQUES; i++) {
		bool keeps = strcmp(rows[i].technique->label, "nothing kept") != 0;
		uint64_t expected = keeps ? 0 : rows[i].outage.invocations;
		if (rows[i].failed > expected + (rows[i].killed ? 1 : 0)) {
			fprintf(stderr, "demo: %s: %llu invocations failed; the first: %s\n",
				rows[i].technique->name, (unsigned long long)rows[i].failed,
				rows[i].first_failure.message);
			status = 1;
		}
		if (!rows[i].killed) {
			fprintf(stderr, "demo: %s: there was no environment to kill half-way\n",
				rows[i].technique->name);
			status = 1;
		}
	}
	return status;
}

/* The path as the user can type it: relative, if it is below the working folder. */
static const char *typed(const char *path)
{
	char here[DEMO_PATH_BYTES];
	size_t len = getcwd(here, sizeof here) ? strlen(here) : 0;

	return len > 1 && strncmp(path, here, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

static void print_all(const struct demo *demo)
{
	const char *command = typed(demo->options.scopecache);

	if (demo->options.json) {
		demo_print_json(stdout, demo->rows, TECHNIQUES);
		return;
	}
	printf("\n%u clients; requests for %u users with %u reports each, skewed as real ones are "
	       "(Zipf %.2f).\n\n",
		demo->options.parallel, MIX_USERS, MIX_PARAMS, SKEW);
	demo_print_table(stdout, demo->rows, TECHNIQUES);
	printf("\nThe process of a function outlives its invocation, so the next invocation uses "
	       "what it opened and\n"
	       "stored. Only a cold start opens and queries anew, also the one after the kill. To "
	       "run your function:\n"
	       "  %s local --function hello=./bootstrap\n  %s invoke --endpoint URL hello "
	       "'{\"name\": \"you\"}'\n",
		command, command);
}

static int run(struct demo *demo, struct sc_error *error)
{
	/* Before the event base is made, because a forked child must not share it. */
	int rc = s3_stand_in_start(&demo->s3, error);
	if (rc == 0)
		rc = catch_signals(demo, error);
	if (rc == 0)
		rc = workspace_open(&demo->workspace, error);
	if (rc == 0)
		rc = make_reports(demo, error);
	if (rc == 0)
		rc = make_flags(demo, error);
	if (rc == 0)
		rc = point_at_s3(&demo->s3, error);
	if (rc == 0)
		rc = start_lambda(demo, error);
	return rc < 0 ? rc : measure_all(demo, error);
}

static void show_log(const struct demo *demo)
{
	char path[2 * WORKSPACE_PATH_BYTES], line[512];
	FILE *log = fopen(workspace_path(&demo->workspace, "local.log", path), "re");

	for (int i = 0; log && i < 20 && fgets(line, sizeof line, log); i++)
		fprintf(stderr, "\t%s", line);
	if (log)
		fclose(log);
}

static void end_all(struct demo *demo)
{
	local_lambda_stop(&demo->lambda);
	s3_stand_in_stop(&demo->s3);
	workspace_close(&demo->workspace);
	if (demo->interrupt)
		event_free(demo->interrupt);
	if (demo->terminate)
		event_free(demo->terminate);
	if (demo->bench.base)
		event_base_free(demo->bench.base);
	sci_buffer_fini(&demo->host);
}

int main(int argc, char **argv)
{
	static struct demo demo;
	struct sc_error error;
	int status = 1;

	demo_options_parse(&demo.options, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	int rc = run(&demo, &error);
	if (rc == 0) {
		status = look_at_failures(demo.rows);
		print_all(&demo);
	} else if (demo.signal) {
		status = 128 + demo.signal;
	} else {
		fprintf(stderr, "demo: %s\n", error.message);
		show_log(&demo);
	}
	end_all(&demo);
	return fflush(stdout) == 0 ? status : 1;
}
