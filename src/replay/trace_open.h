/* Reads a trace from a file. */
#ifndef SCI_REPLAY_TRACE_OPEN_H
#define SCI_REPLAY_TRACE_OPEN_H

#include "replay/replay_bar.h"
#include "replay/trace.h"

#include <scopecache/error.h>

/* Read the whole trace at `path` into memory.
 *
 * returns  0; SC_E_INVAL when it is not a trace of this format, with `error` naming file and place;
 *          SC_E_IO; SC_E_NOMEM. *trace is NULL then.
 * owns     the caller owns the trace: sci_trace_close(). `path` must stay valid until then. */
int sci_trace_open(struct sci_trace **trace, const char *path,
	const struct sci_trace_options *options, struct sci_replay_bar *bar,
	struct sc_error *error);

void sci_trace_close(struct sci_trace *trace);

#endif
