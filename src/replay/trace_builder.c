/* The arrays of a trace double as requests are added. */
#include "replay/trace_builder.h"

#include "replay/foreign_kind.h"

#include "base/error.h"

#include <stdlib.h>

#define FIRST_CAPACITY 4096u

static int resize(uint32_t **array, uint32_t capacity)
{
	uint32_t *larger = realloc(*array, (size_t)capacity * sizeof **array);

	if (!larger)
		return SC_E_NOMEM;
	*array = larger;
	return 0;
}

static int grow(struct sci_trace_builder *builder)
{
	const struct sci_trace_options *options = builder->options;
	struct sci_trace *trace = builder->trace;
	uint32_t capacity = builder->capacity < FIRST_CAPACITY   ? FIRST_CAPACITY
		: builder->capacity > SCI_TRACE_REQUESTS_MAX / 2 ? SCI_TRACE_REQUESTS_MAX
								 : builder->capacity * 2;

	if (resize(&trace->keys, capacity) < 0)
		return SC_E_NOMEM;
	if ((options->size_column || options->format == SCI_TRACE_ORACLE) &&
		resize(&trace->sizes, capacity) < 0)
		return SC_E_NOMEM;
	if (options->cost_column && resize(&trace->costs, capacity) < 0)
		return SC_E_NOMEM;
	builder->capacity = capacity;
	return 0;
}

int sci_trace_add(struct sci_trace_builder *builder, const void *key, size_t len,
	struct sci_trace_facts facts, struct sc_error *error)
{
	struct sci_trace *trace = builder->trace;
	int rc = 0;

	if (trace->requests == SCI_TRACE_REQUESTS_MAX)
		return sci_error_set(error, SC_E_INVAL, 0, "%s: more than %llu requests",
			sci_source_name(builder->source),
			(unsigned long long)SCI_TRACE_REQUESTS_MAX);
	if (trace->requests == builder->capacity)
		rc = grow(builder);
	if (rc == 0)
		rc = sci_key_table_number(&builder->table, key, len, &trace->keys[trace->requests]);
	if (rc < 0)
		return sci_error_set(error, rc, 0, "no memory for more than %lu requests of %s",
			(unsigned long)trace->requests, sci_source_name(builder->source));
	if (trace->sizes)
		trace->sizes[trace->requests] = facts.size;
	if (trace->costs)
		trace->costs[trace->requests] = facts.cost;
	trace->requests++;
	return 0;
}

void sci_trace_fit(struct sci_trace *trace)
{
	resize(&trace->keys, trace->requests);
	if (trace->sizes)
		resize(&trace->sizes, trace->requests);
	if (trace->costs)
		resize(&trace->costs, trace->requests);
}

int sci_trace_check_kind(const struct sci_source *source, const unsigned char *data, size_t len,
	enum sci_trace_format format, struct sc_error *error)
{
	const char *what = sci_foreign_kind(data, len, format);

	return what ? sci_error_set(error, SC_E_INVAL, 0, "%s %s", sci_source_name(source), what)
		    : 0;
}
