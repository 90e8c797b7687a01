/* A trace while it is being read. */
#ifndef SCI_REPLAY_TRACE_BUILDER_H
#define SCI_REPLAY_TRACE_BUILDER_H

#include "replay/byte_source.h"
#include "replay/key_table.h"
#include "replay/replay_bar.h"
#include "replay/trace.h"

struct sci_trace_builder {
	struct sci_trace *trace;
	const struct sci_trace_options *options;
	struct sci_replay_bar *bar;
	struct sci_source *source;
	struct sci_key_table table;
	uint32_t capacity; /* of the arrays, in requests */
};

/* The size and cost of a request. */
struct sci_trace_facts {
	uint32_t size, cost;
};

/* Add a request. Returns 0, SC_E_INVAL when there are too many, or SC_E_NOMEM. */
int sci_trace_add(struct sci_trace_builder *builder, const void *key, size_t len,
	struct sci_trace_facts facts, struct sc_error *error);

/* Refuse a file whose first bytes show that it is no trace of `format`; `len` is 0 for an empty
 * file. Returns 0 or SC_E_INVAL. */
int sci_trace_check_kind(const struct sci_source *source, const unsigned char *data, size_t len,
	enum sci_trace_format format, struct sc_error *error);

/* Shrink the arrays to their requests; a failure is harmless. */
void sci_trace_fit(struct sci_trace *trace);

#endif
