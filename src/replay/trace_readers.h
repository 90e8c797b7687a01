/* The readers of traces, one for each format. */
#ifndef SCI_REPLAY_TRACE_READERS_H
#define SCI_REPLAY_TRACE_READERS_H

#include "replay/trace_builder.h"

/* Read all of builder->source: numbers, records, or lines. */
int sci_trace_read_oracle(struct sci_trace_builder *builder, struct sc_error *error);
int sci_trace_read_numbers(struct sci_trace_builder *builder, struct sc_error *error);
int sci_trace_read_lines(struct sci_trace_builder *builder, struct sc_error *error);

/* Read one number for each request of the trace from the file at `path`; `what` names them in
 * messages: sizes, costs. The trace owns *facts, also after a failure. */
int sci_trace_read_facts(struct sci_trace_builder *builder, const char *path, const char *what,
	uint32_t **facts, struct sc_error *error);

#endif
