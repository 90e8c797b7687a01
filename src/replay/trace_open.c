/* A trace takes four bytes for each request, and four more each for its size and its cost: keys
 * become numbers as they are read, and their texts are freed at the end. */
#include "replay/trace_open.h"

#include "replay/trace_builder.h"
#include "replay/trace_readers.h"

#include "base/error.h"

#include <stdlib.h>

#define SIZE_CLASSES 33u

void sci_trace_close(struct sci_trace *trace)
{
	if (!trace)
		return;
	free(trace->keys);
	free(trace->sizes);
	free(trace->costs);
	free(trace);
}

/* The sizes in one power of two. */
struct size_class {
	uint64_t count, bytes;
};

/* The mean of the sizes in the median's power of two: a few large values do not change it. */
static uint32_t usual_size(const struct size_class classes[SIZE_CLASSES], uint32_t requests)
{
	uint64_t before = 0;
	unsigned i = 0;

	while (before + classes[i].count <= requests / 2)
		before += classes[i++].count;
	return (uint32_t)(classes[i].bytes / classes[i].count);
}

static void add_up(struct sci_trace *trace)
{
	struct size_class classes[SIZE_CLASSES] = { 0 };

	for (uint32_t i = 0; i < trace->requests; i++) {
		uint32_t size = sci_trace_size(trace, i);
		struct size_class *class = &classes[size ? 32 - __builtin_clz(size) : 0];
		class->count++;
		class->bytes += size;
		trace->bytes += size;
		trace->cost += sci_trace_cost(trace, i);
		if (size > trace->largest && size != SCI_TRACE_TOO_LARGE)
			trace->largest = size;
	}
	trace->usual = usual_size(classes, trace->requests);
}

static int read_format(struct sci_trace_builder *builder, struct sc_error *error)
{
	switch (builder->options->format) {
	case SCI_TRACE_U32:
		return sci_trace_read_numbers(builder, error);
	case SCI_TRACE_ORACLE:
		return sci_trace_read_oracle(builder, error);
	case SCI_TRACE_TEXT:
	case SCI_TRACE_CSV:
		break;
	}
	return sci_trace_read_lines(builder, error);
}

static int read_all(struct sci_trace_builder *builder, struct sc_error *error)
{
	const struct sci_trace_options *options = builder->options;
	struct sci_trace *trace = builder->trace;

	int rc = read_format(builder, error);
	trace->key_count = builder->table.count;
	sci_key_table_fini(&builder->table);
	if (rc < 0)
		return rc;
	if (trace->requests == 0)
		return sci_error_set(error, SC_E_INVAL, 0, "%s: there are no requests in it",
			sci_source_name(builder->source));
	sci_trace_fit(trace);
	if (options->sizes)
		rc = sci_trace_read_facts(builder, options->sizes, "sizes", &trace->sizes, error);
	if (rc < 0)
		return rc;
	if (options->costs)
		rc = sci_trace_read_facts(builder, options->costs, "costs", &trace->costs, error);
	if (rc < 0)
		return rc;
	add_up(trace);
	return 0;
}

int sci_trace_open(struct sci_trace **out, const char *path,
	const struct sci_trace_options *options, struct sci_replay_bar *bar, struct sc_error *error)
{
	struct sci_trace_builder builder = { .options = options, .bar = bar };

	*out = NULL;
	int rc = sci_source_open(&builder.source, path, error);
	if (rc < 0)
		return rc;
	builder.trace = calloc(1, sizeof *builder.trace);
	if (builder.trace) {
		builder.trace->path = path;
		rc = read_all(&builder, error);
	} else {
		rc = sci_error_set(error, SC_E_NOMEM, 0, "no memory to read %s", path);
	}
	sci_source_close(builder.source);
	if (rc == 0)
		*out = builder.trace;
	else
		sci_trace_close(builder.trace);
	return rc;
}
