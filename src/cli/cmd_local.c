/* scopecache local: parses its options, prints one line, and serves until a signal ends it.
 *
 * The first line of standard output is for programs and is the only one: "scopecache local:
 * listening on URL". Everything that people read goes to standard error. */
#define _GNU_SOURCE /* program_invocation_name */
#include "cli/cmd_local.h"

#include "cli/option_number.h"
#include "local/local.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX      900
#define LIFETIME_MAX_S   (14 * 24 * 3600)
#define MEMORY_MAX_MB    32768
#define ENVIRONMENTS_MAX 100000

enum {
	KEY_FUNCTION = 'f',
	KEY_LISTEN = 'l',
	KEY_ENV = 'e',
	KEY_TIMEOUT = 't',
	KEY_MEMORY = 'm',
	KEY_QUIET = 'q',
	KEY_INIT_TIMEOUT = 256,
	KEY_MAX_ENVIRONMENTS,
	KEY_MAX_IDLE,
	KEY_MAX_AGE,
	KEY_SEED,
	KEY_ALLOW_REMOTE,
	KEY_ALLOW_ORIGIN,
	KEY_WATCH,
	KEY_STRICT_SHUTDOWN,
	KEY_NO_FREEZE,
	KEY_NO_ISOLATION
};

static const struct argp_option argp_options[] = {
	{ "function", KEY_FUNCTION, "NAME=BOOTSTRAP", 0,
		"Serve the function NAME; BOOTSTRAP is an executable file, or a folder with one "
		"called bootstrap. May be given more than once",
		0 },
	{ "listen", KEY_LISTEN, "HOST:PORT", 0,
		"Where to serve the Invoke API (default 127.0.0.1:0, a free port)", 0 },
	{ "allow-remote", KEY_ALLOW_REMOTE, NULL, 0,
		"Let HOST be an address that other machines reach, by any name: all who reach it "
		"can run the functions",
		0 },
	{ "allow-origin", KEY_ALLOW_ORIGIN, "ORIGIN", 0,
		"Let the web pages of ORIGIN, such as http://localhost:3000, invoke functions; * "
		"is "
		"every origin. May be given more than once",
		0 },
	{ "timeout", KEY_TIMEOUT, "[FUNCTION:]SECONDS", 0,
		"How long an invocation may take (default 3)", 0 },
	{ "init-timeout", KEY_INIT_TIMEOUT, "[FUNCTION:]SECONDS", 0,
		"How long a bootstrap may take until it asks for its first invocation (default 10)",
		0 },
	{ "memory", KEY_MEMORY, "[FUNCTION:]MB", 0,
		"The memory size that functions are told (default 128)", 0 },
	{ "max-environments", KEY_MAX_ENVIRONMENTS, "N", 0,
		"How many environments there may be, of all functions together (default 1000)", 0 },
	{ "max-idle", KEY_MAX_IDLE, "[FUNCTION:]SECONDS", 0,
		"End an environment that has been idle for so long; LEAST-MOST draws the time for "
		"each "
		"environment (default: never)",
		0 },
	{ "max-age", KEY_MAX_AGE, "[FUNCTION:]SECONDS", 0,
		"End an environment of this age, after its invocation; LEAST-MOST draws the time "
		"for each "
		"environment (default: never)",
		0 },
	{ "seed", KEY_SEED, "N", 0, "Draw the same times in each run (default: other ones)", 0 },
	{ "env", KEY_ENV, "[FUNCTION:]NAME=VALUE", 0,
		"Set an environment variable of the functions; _HANDLER is the handler", 0 },
	{ "watch", KEY_WATCH, NULL, 0,
		"Check at every call whether the function's files have changed, and if so start a "
		"new environment",
		0 },
	{ "strict-shutdown", KEY_STRICT_SHUTDOWN, NULL, 0,
		"End an environment without a registered extension by SIGKILL at once, as Lambda "
		"does, and not by SIGTERM first",
		0 },
	{ "no-freeze", KEY_NO_FREEZE, NULL, 0,
		"Let functions run on between two invocations, where Lambda freezes them; for "
		"debuggers",
		0 },
	{ "no-isolation", KEY_NO_ISOLATION, NULL, 0,
		"Let functions share the machine's /tmp and process table, and serve each Runtime "
		"API to every process; for a bootstrap that runs its function elsewhere, as in a "
		"container",
		0 },
	{ "quiet", KEY_QUIET, NULL, 0,
		"Write neither the functions' log nor how to invoke them to standard error", 0 },
	{ 0 },
};

/* The value of an option [FUNCTION:]NUMBER. */
struct setting {
	int key;
	const char *function;
	size_t function_len;
	int64_t value;
	struct sci_range_ms range;
};

/* Each argument adds at most one element to a list, so each list has `argc` elements. */
struct arguments {
	struct sci_local_function *functions;
	const char **environment;
	const char **origins;
	struct setting *settings; /* applied when all functions are known */
	size_t setting_count;
	struct sci_local_options options;
};

static void add_function(struct argp_state *state, struct arguments *arguments, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1]) {
		argp_error(state, "--function takes NAME=BOOTSTRAP, not \"%s\"", text);
		return;
	}
	*equals = '\0';
	arguments->functions[arguments->options.function_count++] =
		(struct sci_local_function){ .name = text, .bootstrap = equals + 1 };
}

static void read_range(const struct argp_state *state, struct setting *setting, const char *text)
{
	int64_t range_ms[2];

	sci_option_seconds_range(state, setting->key == KEY_MAX_IDLE ? "max-idle" : "max-age", text,
		INT64_C(1000) * LIFETIME_MAX_S, range_ms);
	setting->range = (struct sci_range_ms){ range_ms[0], range_ms[1] };
}

static void add_setting(const struct argp_state *state, struct arguments *arguments, int key,
	const char *text)
{
	const char *colon = strchr(text, ':'), *value = colon ? colon + 1 : text;
	struct setting *setting = &arguments->settings[arguments->setting_count++];

	*setting = (struct setting){ .key = key,
		.function = text,
		.function_len = colon ? (size_t)(colon - text) : 0 };
	if (key == KEY_MEMORY)
		setting->value =
			(int64_t)sci_option_number(state, "memory", value, 1, MEMORY_MAX_MB);
	else if (key == KEY_MAX_IDLE || key == KEY_MAX_AGE)
		read_range(state, setting, value);
	else
		setting->value = sci_option_seconds(state,
			key == KEY_TIMEOUT ? "timeout" : "init-timeout", value, SECONDS_MAX * 1000);
}

/* Apply a setting, now that all functions are known. */
static void apply_setting(const struct argp_state *state, struct arguments *arguments,
	const struct setting *setting)
{
	struct sci_local_options *local = &arguments->options;
	struct sci_local_function common = { 0 }, *function = &common;

	for (size_t i = 0; i < local->function_count && setting->function_len > 0; i++)
		if (strlen(arguments->functions[i].name) == setting->function_len &&
			strncmp(arguments->functions[i].name, setting->function,
				setting->function_len) == 0)
			function = &arguments->functions[i];
	if (setting->function_len > 0 && function == &common)
		argp_error(state, "there is no function \"%.*s\"", (int)setting->function_len,
			setting->function);
	if (setting->key == KEY_TIMEOUT)
		function->timeout_ms = setting->value;
	else if (setting->key == KEY_INIT_TIMEOUT)
		function->init_timeout_ms = setting->value;
	else if (setting->key == KEY_MAX_IDLE)
		function->lifetimes.idle = setting->range;
	else if (setting->key == KEY_MAX_AGE)
		function->lifetimes.age = setting->range;
	else
		function->memory_mb = (int)setting->value;
	if (function != &common)
		return;
	local->timeout_ms = common.timeout_ms ? common.timeout_ms : local->timeout_ms;
	local->init_timeout_ms =
		common.init_timeout_ms ? common.init_timeout_ms : local->init_timeout_ms;
	local->memory_mb = common.memory_mb ? common.memory_mb : local->memory_mb;
	if (common.lifetimes.idle.most)
		local->lifetimes.idle = common.lifetimes.idle;
	if (common.lifetimes.age.most)
		local->lifetimes.age = common.lifetimes.age;
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct sci_local_options *local = &arguments->options;

	switch (key) {
	case KEY_FUNCTION:
		add_function(state, arguments, text);
		break;
	case KEY_LISTEN:
		local->listen = text;
		break;
	case KEY_ALLOW_REMOTE:
		local->allow_remote = true;
		break;
	case KEY_ALLOW_ORIGIN:
		arguments->origins[local->origin_count++] = text;
		break;
	case KEY_TIMEOUT:
	case KEY_INIT_TIMEOUT:
	case KEY_MEMORY:
	case KEY_MAX_IDLE:
	case KEY_MAX_AGE:
		add_setting(state, arguments, key, text);
		break;
	case KEY_MAX_ENVIRONMENTS:
		local->max_environments =
			sci_option_number(state, "max-environments", text, 1, ENVIRONMENTS_MAX);
		break;
	case KEY_SEED:
		local->seed = sci_option_number(state, "seed", text, 1, UINT64_MAX);
		break;
	case KEY_ENV:
		arguments->environment[local->environment_count++] = text;
		break;
	case KEY_WATCH:
		local->watch = true;
		break;
	case KEY_STRICT_SHUTDOWN:
		local->strict_shutdown = true;
		break;
	case KEY_NO_FREEZE:
		local->no_freeze = true;
		break;
	case KEY_NO_ISOLATION:
		local->shared = true;
		break;
	case KEY_QUIET:
		local->quiet = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state,
			"unexpected argument \"%s\": give a function as --function NAME=BOOTSTRAP",
			text);
		break;
	case ARGP_KEY_END:
		if (local->function_count == 0)
			argp_error(state, "which function? Give --function NAME=BOOTSTRAP");
		for (size_t i = 0; i < arguments->setting_count; i++)
			apply_setting(state, arguments, &arguments->settings[i]);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Print the text in quotes, for a shell. A quote in the text becomes '\''. */
static void print_quoted(const char *text)
{
	fputc('\'', stderr);
	for (; *text; text++)
		fputs(*text == '\'' ? "'\\''" : (char[]){ *text, '\0' }, stderr);
	fputc('\'', stderr);
}

/* Print commands that work in a shell without a region or credentials. */
static void print_first_commands(const struct sci_local_options *options, const char *url)
{
	const char *name = options->functions[0].name;

	fprintf(stderr, "scopecache local: to invoke %s, paste one of these lines:\n  ", name);
	print_quoted(program_invocation_name);
	fprintf(stderr,
		" invoke --endpoint '%s' %s '{}'\n"
		"  curl -d '{}' '%s/2015-03-31/functions/%s/invocations'\n"
		"  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local "
		"AWS_DEFAULT_REGION=us-east-1 "
		"aws lambda invoke --endpoint-url '%s' --function-name %s /dev/stdout\n",
		url, name, url, name, url, name);
}

/* Returns the exit status. */
static int complain(const struct sc_error *error)
{
	fprintf(stderr, "scopecache local: %s\n", error->message);
	return EXIT_FAILURE;
}

static int serve(const struct sci_local_options *options)
{
	struct sci_local *local;
	struct sc_error error;

	if (sci_local_open(options, &local, &error) < 0)
		return complain(&error);
	const char *warning = sci_local_warning(local);
	if (warning)
		fprintf(stderr, "scopecache local: warning: %s.\n", warning);
	/* Before the line with the URL: a program that has read that line can rely on it. */
	if (!options->quiet)
		print_first_commands(options, sci_local_url(local));
	printf("scopecache local: listening on %s\n", sci_local_url(local));
	fflush(stdout);
	int rc = sci_local_run(local, &error);
	sci_local_close(local);
	return rc < 0 ? complain(&error) : EXIT_SUCCESS;
}

int sci_cmd_local(int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = take,
		.doc = "Serve functions as AWS Lambda does: the Invoke API in front, and behind it "
		       "an environment for every invocation that runs at the same time."
		       "\vThe first line of standard output says where it listens:\n\n"
		       "  scopecache local: listening on http://127.0.0.1:40123\n\n"
		       "Use that as the endpoint of the AWS CLI, of an SDK or of scopecache "
		       "invoke. A value with FUNCTION: applies to that function only, and "
		       "overrides the common value. Ctrl-C ends the server and everything that it "
		       "started.",
	};
	struct arguments arguments = {
		.functions = calloc((size_t)argc, sizeof *arguments.functions),
		.environment = calloc((size_t)argc, sizeof *arguments.environment),
		.origins = calloc((size_t)argc, sizeof *arguments.origins),
		.settings = calloc((size_t)argc, sizeof *arguments.settings),
	};
	int status = EXIT_FAILURE;

	if (arguments.functions && arguments.environment && arguments.origins &&
		arguments.settings) {
		arguments.options.functions = arguments.functions;
		arguments.options.environment = arguments.environment;
		arguments.options.origins = arguments.origins;
		argp_err_exit_status = 2;
		argp_parse(&argp, argc, argv, 0, NULL, &arguments);
		status = serve(&arguments.options);
	} else {
		fputs("scopecache local: out of memory\n", stderr);
	}
	free(arguments.functions);
	free(arguments.environment);
	free(arguments.origins);
	free(arguments.settings);
	return status;
}
