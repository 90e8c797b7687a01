/* By default all programs are in the folder of this one, as after a build. */
#include "demo/demo_options.h"

#include "base/number_text.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One invocation has no half-way; more than the maximum take too long for a demo. */
#define INVOCATIONS_MIN 100
#define INVOCATIONS_MAX 1000000
#define PARALLEL_MAX    64

enum { KEY_INVOCATIONS = 'n', KEY_PARALLEL = 'p', KEY_JSON = 256, KEY_SCOPECACHE, KEY_FUNCTIONS };

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "Print one JSON object in place of the table", 0 },
	{ "invocations", KEY_INVOCATIONS, "N", 0, "Invoke each function N times (default 5000)",
		0 },
	{ "parallel", KEY_PARALLEL, "N", 0, "Be N clients at once (default 4)", 0 },
	{ "scopecache", KEY_SCOPECACHE, "FILE", 0,
		"The scopecache command (default: next to this program)", 0 },
	{ "functions", KEY_FUNCTIONS, "FOLDER", 0,
		"Where the functions are (default: next to this program)", 0 },
	{ 0 },
};

static uint64_t read_number(const struct argp_state *state, const char *option, const char *text,
	uint64_t min, uint64_t max)
{
	uint64_t number = 0;

	if (!sci_number_read(text, min, max, &number))
		argp_error(state, "--%s takes a whole number from %llu to %llu, not \"%s\"", option,
			(unsigned long long)min, (unsigned long long)max, text);
	return number;
}

static void copy_path(const struct argp_state *state, char path[DEMO_PATH_BYTES], const char *text)
{
	if (strlen(text) >= DEMO_PATH_BYTES || text[0] == '\0')
		argp_error(state, "\"%s\" is not a path", text);
	snprintf(path, DEMO_PATH_BYTES, "%s", text);
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct demo_options *demo = state->input;

	switch (key) {
	case KEY_INVOCATIONS:
		demo->invocations =
			read_number(state, "invocations", text, INVOCATIONS_MIN, INVOCATIONS_MAX);
		break;
	case KEY_PARALLEL:
		demo->parallel = (unsigned)read_number(state, "parallel", text, 1, PARALLEL_MAX);
		break;
	case KEY_JSON:
		demo->json = true;
		break;
	case KEY_SCOPECACHE:
		copy_path(state, demo->scopecache, text);
		break;
	case KEY_FUNCTIONS:
		copy_path(state, demo->functions, text);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* The folder that this program is in, and the command in it. */
static void set_default_paths(struct demo_options *demo)
{
	char self[DEMO_PATH_BYTES - 16];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

	self[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(self, '/');
	*(slash ? slash : self) = '\0';
	snprintf(demo->functions, DEMO_PATH_BYTES, "%s", self);
	snprintf(demo->scopecache, DEMO_PATH_BYTES, "%s/scopecache", self);
}

void demo_options_parse(struct demo_options *demo, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = take,
		.doc = "Invoke functions that keep their state between invocations, and the same "
		       "functions "
		       "with nothing kept, on a local Lambda; and show what that saves.",
	};

	*demo = (struct demo_options){ .invocations = 5000, .parallel = 4 };
	set_default_paths(demo);
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, demo);
}
