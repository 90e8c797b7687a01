/* argp parses the options. This file refuses numbers out of bounds, and options that contradict
 * each other or would have no effect. The bounds of a cache's options come from the table in
 * cache.h. */
#include "cli/replay_options.h"

#include "base/number_text.h"
#include "cli/option_number.h"

#include <scopecache/cache.h>

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#define TRACES_MAX 1000

enum {
	KEY_FORMAT = 'f',
	KEY_ENTRIES = 'n',
	KEY_BYTES = 'b',
	KEY_POLICY = 'p',
	KEY_SIZES = 's',
	KEY_COLUMN = 'c',
	KEY_SIZE_COLUMN = 256,
	KEY_COSTS,
	KEY_COST_COLUMN,
	KEY_HEADER,
	KEY_JSON,
	KEY_PLOT,
	KEY_ENTRY_BYTES,
	KEY_CONCURRENCY,
	KEY_DELIMITER,
	KEY_SKIP_BAD_LINES
};

static const struct argp_option options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0,
		"How a trace is written: u32, a key is a little-endian 32-bit number; text, a "
		"line; csv, a column of comma-separated values; oracleGeneral, records of "
		"libCacheSim, which have sizes",
		0 },
	{ "max-entries", KEY_ENTRIES, "N,...", 0, "Replay through caches of so many entries", 0 },
	{ "max-bytes", KEY_BYTES, "N,...", 0,
		"Replay through caches of so many bytes; K, M and G stand for KiB, MiB and GiB. "
		"The trace "
		"needs sizes",
		0 },
	{ "policy", KEY_POLICY, "NAME,...", 0,
		"The eviction policies: adaptive, lru, and opt, the optimum (default "
		"adaptive,lru)",
		0 },
	{ "sizes", KEY_SIZES, "FILE", 0,
		"With u32: the size of each request's value, a little-endian 32-bit number", 0 },
	{ "costs", KEY_COSTS, "FILE", 0,
		"With u32: what each request's value costs to make, a little-endian 32-bit number "
		"in "
		"any unit",
		0 },
	{ "column", KEY_COLUMN, "N", 0, "With csv: the column of the key (default 1)", 0 },
	{ "size-column", KEY_SIZE_COLUMN, "N", 0, "With csv: the column of the value's size", 0 },
	{ "cost-column", KEY_COST_COLUMN, "N", 0, "With csv: the column of the value's cost", 0 },
	{ "entry-bytes", KEY_ENTRY_BYTES, "N", 0,
		"With --max-bytes: the usual size of an entry, which the caches are made for "
		"(default: "
		"about the median of the trace)",
		0 },
	{ "concurrency", KEY_CONCURRENCY, "N", 0,
		"Open the caches for so many threads, which stripes large ones (default 1)", 0 },
	{ "header", KEY_HEADER, NULL, 0, "With csv: the first line is not a request", 0 },
	{ "delimiter", KEY_DELIMITER, "CHAR", 0,
		"With csv: what is between two columns, a character or the word tab (default a "
		"comma)",
		0 },
	{ "skip-bad-lines", KEY_SKIP_BAD_LINES, NULL, 0,
		"With text and csv: count lines that are no request, and go on", 0 },
	{ "json", KEY_JSON, NULL, 0, "Print the figures as one JSON object", 0 },
	{ "plot", KEY_PLOT, "FILE.svg", 0, "Draw the miss ratio by the size of the cache", 0 },
	{ 0 },
};

/* The bounds of the cache's options, from their table. */
#define LEAST(name, preset, least, most, text) .name = (least),
#define MOST(name, preset, least, most, text)  .name = (most),
#define OTHER(...)
static const struct sc_cache_options least = { SC_CACHE_OPTION_TABLE(LEAST, OTHER, OTHER) };
static const struct sc_cache_options most = { SC_CACHE_OPTION_TABLE(MOST, OTHER, OTHER) };

static unsigned read_column(const struct argp_state *state, const char *option, const char *text)
{
	uint64_t column = 0;

	if (!sci_number_read(text, 1, SCI_TRACE_COLUMN_MAX, &column))
		argp_error(state, "--%s takes a column from 1 to %d, not \"%s\"", option,
			SCI_TRACE_COLUMN_MAX, text);
	return (unsigned)column;
}

static void read_limits(const struct argp_state *state, struct sci_replay_plan *plan, char *text,
	bool bytes)
{
	const char *option = bytes ? "max-bytes" : "max-entries";
	uint64_t low = bytes ? least.max_bytes : 1;
	uint64_t high = bytes ? most.max_bytes : SCI_REPLAY_ENTRIES_MAX;

	if (plan->limit_count > 0)
		argp_error(state, "one --max-entries or one --max-bytes, with all numbers in it");
	plan->bytes = bytes;
	for (char *item = text, *next; item; item = next) {
		next = strchr(item, ',');
		if (next)
			*next++ = '\0';
		uint64_t number = 0;
		if (!(bytes ? sci_size_read : sci_number_read)(item, low, high, &number))
			argp_error(state, "--%s takes whole numbers from %llu to %llu, not \"%s\"",
				option, (unsigned long long)low, (unsigned long long)high, item);
		if (plan->limit_count == SCI_REPLAY_LIMITS_MAX)
			argp_error(state, "--%s takes %d numbers at most", option,
				SCI_REPLAY_LIMITS_MAX);
		plan->limits[plan->limit_count++] = number;
	}
}

static enum sci_replay_policy read_policy(const struct argp_state *state, const char *name)
{
	for (unsigned i = 0; i < SCI_REPLAY_POLICY_COUNT; i++)
		if (strcmp(name, sci_replay_policy_name(i)) == 0)
			return i;
	argp_error(state, "there is no policy \"%s\"; there are adaptive, lru and opt", name);
	return SCI_REPLAY_POLICY_COUNT;
}

static void read_policies(const struct argp_state *state, struct sci_replay_plan *plan, char *text)
{
	plan->policy_count = 0;
	for (char *item = text, *next; item; item = next) {
		next = strchr(item, ',');
		if (next)
			*next++ = '\0';
		enum sci_replay_policy policy = read_policy(state, item);
		for (unsigned i = 0; i < plan->policy_count; i++)
			if (plan->policies[i] == policy)
				argp_error(state, "--policy names %s twice", item);
		plan->policies[plan->policy_count++] = policy;
	}
}

static enum sci_trace_format read_format(const struct argp_state *state, const char *text)
{
	static const char *const names[] = { "u32", "text", "csv", "oracleGeneral" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	argp_error(state, "--format is u32, text, csv or oracleGeneral, not \"%s\"", text);
	return SCI_TRACE_U32;
}

/* Refuse a character that ends a line, begins a quoted field, or is part of a multi-byte
 * character. */
static char read_delimiter(const struct argp_state *state, const char *text)
{
	if (strcmp(text, "tab") == 0)
		return '\t';
	if (strlen(text) != 1 || strchr("\r\n\"", *text) || (unsigned char)*text > '~')
		argp_error(state,
			"--delimiter takes one ASCII character or the word tab, not \"%s\"", text);
	return *text;
}

static unsigned from_standard_input(const struct sci_replay_arguments *arguments)
{
	const struct sci_trace_options *trace = &arguments->trace;
	unsigned count = trace->sizes && strcmp(trace->sizes, "-") == 0;

	count += trace->costs && strcmp(trace->costs, "-") == 0;
	for (size_t i = 0; i < arguments->trace_count; i++)
		count += strcmp(arguments->traces[i], "-") == 0;
	return count;
}

static void check_format(const struct argp_state *state, struct sci_trace_options *trace,
	bool format_given)
{
	if (!format_given)
		argp_error(state,
			"what is the format of the traces? Give --format u32, text, csv or "
			"oracleGeneral");
	if (trace->format != SCI_TRACE_U32 && (trace->sizes || trace->costs))
		argp_error(state, "--sizes and --costs go with --format u32");
	if (trace->format != SCI_TRACE_CSV &&
		(trace->column || trace->size_column || trace->cost_column || trace->header ||
			trace->delimiter))
		argp_error(state,
			"--column, --size-column, --cost-column, --delimiter and --header go with "
			"--format csv");
	if (trace->skip_bad_lines && trace->format != SCI_TRACE_TEXT &&
		trace->format != SCI_TRACE_CSV)
		argp_error(state, "--skip-bad-lines goes with --format text and csv");
	if (trace->column == 0)
		trace->column = 1;
}

static void check(const struct argp_state *state, struct sci_replay_arguments *arguments)
{
	const struct sci_replay_plan *plan = &arguments->plan;

	if (arguments->trace_count == 0)
		argp_error(state, "which trace? Give a file, or - for standard input");
	if (arguments->trace_count > TRACES_MAX)
		argp_error(state, "%d traces at most", TRACES_MAX);
	if (plan->limit_count == 0)
		argp_error(state, "how large are the caches? Give --max-entries or --max-bytes");
	if ((arguments->trace.sizes || arguments->trace.costs) && arguments->trace_count > 1)
		argp_error(state, "--sizes and --costs are for one trace; there are %zu",
			arguments->trace_count);
	if (plan->bytes && !arguments->trace.sizes && !arguments->trace.size_column &&
		arguments->trace.format != SCI_TRACE_ORACLE)
		argp_error(state, "--max-bytes needs sizes: give --sizes or --size-column");
	if (plan->entry_bytes && !plan->bytes)
		argp_error(state, "--entry-bytes goes with --max-bytes");
	if (from_standard_input(arguments) > 1)
		argp_error(state, "standard input can be read only once");
}

/* argp passes the options in the order of the command line, and ARGP_KEY_END last. */
struct parse {
	struct sci_replay_arguments *arguments;
	bool format_given;
};

static error_t take(int key, char *text, struct argp_state *state)
{
	struct parse *parse = state->input;
	struct sci_replay_arguments *arguments = parse->arguments;

	switch (key) {
	case KEY_FORMAT:
		arguments->trace.format = read_format(state, text);
		parse->format_given = true;
		break;
	case KEY_ENTRIES:
	case KEY_BYTES:
		read_limits(state, &arguments->plan, text, key == KEY_BYTES);
		break;
	case KEY_POLICY:
		read_policies(state, &arguments->plan, text);
		break;
	case KEY_SIZES:
		arguments->trace.sizes = text;
		break;
	case KEY_COSTS:
		arguments->trace.costs = text;
		break;
	case KEY_COST_COLUMN:
		arguments->trace.cost_column = read_column(state, "cost-column", text);
		break;
	case KEY_COLUMN:
		arguments->trace.column = read_column(state, "column", text);
		break;
	case KEY_SIZE_COLUMN:
		arguments->trace.size_column = read_column(state, "size-column", text);
		break;
	case KEY_ENTRY_BYTES:
		arguments->plan.entry_bytes = sci_option_size(state, "entry-bytes", text,
			least.entry_bytes, most.entry_bytes);
		break;
	case KEY_CONCURRENCY:
		arguments->plan.concurrency = sci_option_number(state, "concurrency", text,
			least.concurrency, most.concurrency);
		break;
	case KEY_HEADER:
		arguments->trace.header = true;
		break;
	case KEY_DELIMITER:
		arguments->trace.delimiter = read_delimiter(state, text);
		break;
	case KEY_SKIP_BAD_LINES:
		arguments->trace.skip_bad_lines = true;
		break;
	case KEY_JSON:
		arguments->json = true;
		break;
	case KEY_PLOT:
		arguments->plot = text;
		break;
	case ARGP_KEY_ARGS:
		arguments->traces = state->argv + state->next;
		arguments->trace_count = (size_t)(state->argc - state->next);
		break;
	case ARGP_KEY_END:
		check_format(state, &arguments->trace, parse->format_given);
		check(state, arguments);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void sci_replay_arguments_parse(struct sci_replay_arguments *arguments, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = take,
		.args_doc = "TRACE...",
		.doc = "Look up the keys of a trace in caches, and print their hit ratios."
		       "\vA TRACE is a file, or - for standard input, and may be compressed with "
		       "gzip, xz or zstd.\n\nThe exit status is 0 when all is done, 1 when memory "
		       "was out or "
		       "something could not be written, 2 when the command line or a trace is "
		       "wrong.",
	};
	struct parse parse = { .arguments = arguments };

	*arguments = (struct sci_replay_arguments){
		.plan = { .policies = { SCI_REPLAY_ADAPTIVE, SCI_REPLAY_LRU }, .policy_count = 2 },
	};
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &parse);
}
