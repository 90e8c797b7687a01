/* argp parses the options. This file refuses numbers out of bounds, and options that contradict
 * each other or would have no effect. */
#include "cli/invoke_options.h"

#include "cli/option_number.h"
#include "invoke/invoke.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 60000

enum {
	KEY_ENDPOINT = 'e',
	KEY_COUNT = 'n',
	KEY_PARALLEL = 'p',
	KEY_TIMEOUT = 't',
	KEY_QUIET = 'q',
	KEY_JSON = 256,
	KEY_RAW
};

static const struct argp_option options[] = {
	{ "endpoint", KEY_ENDPOINT, "URL", 0,
		"The URL of the Invoke API, which scopecache local prints (default: "
		"$AWS_ENDPOINT_URL_LAMBDA, else $AWS_ENDPOINT_URL)",
		0 },
	{ "count", KEY_COUNT, "N", 0,
		"Invoke N times, and print figures in place of the answer (default 1)", 0 },
	{ "parallel", KEY_PARALLEL, "N", 0,
		"Run up to N invocations at once, 1000 at most (default 1)", 0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0, "How long to wait for an answer (default 60)", 0 },
	{ "json", KEY_JSON, NULL, 0, "Print the figures as one JSON object", 0 },
	{ "raw", KEY_RAW, NULL, 0, "Send the payload unchanged, without checking that it is JSON",
		0 },
	{ "quiet", KEY_QUIET, NULL, 0, "Print only errors; the exit status tells the result", 0 },
	{ 0 },
};

static const char *endpoint_of_environment(void)
{
	static const char *const names[] = { "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *url = getenv(names[i]);
		if (url && url[0])
			return url;
	}
	return NULL;
}

static void check(const struct argp_state *state, struct sci_invoke_arguments *arguments)
{
	if (!arguments->function)
		argp_error(state, "which function?");
	else if (arguments->function[0] == '\0')
		argp_error(state, "a function's name cannot be empty");
	if (arguments->parallel > arguments->count)
		argp_error(state,
			"--parallel %u is more than %llu invocation%s: give a larger --count",
			arguments->parallel, (unsigned long long)arguments->count,
			arguments->count == 1 ? "" : "s");
	if (arguments->quiet && arguments->json)
		argp_error(state, "--quiet and --json contradict each other");
	if (!arguments->endpoint)
		arguments->endpoint = endpoint_of_environment();
	if (!arguments->endpoint)
		argp_error(state,
			"where? Give --endpoint or set AWS_ENDPOINT_URL_LAMBDA to the URL that "
			"scopecache local prints on its first line, such as "
			"http://127.0.0.1:40123");
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct sci_invoke_arguments *arguments = state->input;

	switch (key) {
	case KEY_ENDPOINT:
		arguments->endpoint = text;
		break;
	case KEY_COUNT:
		arguments->count = sci_option_number(state, "count", text, 1, SCI_INVOKE_COUNT_MAX);
		break;
	case KEY_PARALLEL:
		arguments->parallel = (unsigned)sci_option_number(state, "parallel", text, 1,
			SCI_INVOKE_PARALLEL_MAX);
		break;
	case KEY_TIMEOUT:
		arguments->timeout_ms =
			sci_option_seconds(state, "timeout", text, SCI_INVOKE_TIMEOUT_MAX_MS);
		break;
	case KEY_JSON:
		arguments->json = true;
		break;
	case KEY_RAW:
		arguments->raw = true;
		break;
	case KEY_QUIET:
		arguments->quiet = true;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "unexpected argument \"%s\": there can be one payload",
				text);
		*(state->arg_num == 0 ? &arguments->function : &arguments->payload) = text;
		break;
	case ARGP_KEY_END:
		check(state, arguments);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void sci_invoke_arguments_parse(struct sci_invoke_arguments *arguments, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = take,
		.args_doc = "NAME [PAYLOAD|@FILE|-]",
		.doc = "Invoke a function over the Lambda Invoke API, and print what it answers."
		       "\vThe payload is JSON: the argument itself, the bytes of FILE, or standard "
		       "input; "
		       "without one it is {}.\n\nThe exit status is 0 when every invocation "
		       "succeeded, 1 when "
		       "one did not, 2 when the command line, the payload or the endpoint's URL is "
		       "wrong, and "
		       "130 after Ctrl-C.",
	};

	*arguments = (struct sci_invoke_arguments){
		.payload = "{}",
		.count = 1,
		.parallel = 1,
		.timeout_ms = DEFAULT_TIMEOUT_MS,
	};
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, arguments);
}
