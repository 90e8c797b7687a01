/* The output of a process, read from a pipe and split into lines; or into events, where it writes
 * frames. A carriage return, alone or before a newline, ends a line as a newline does. */
#ifndef SCI_LOCAL_LINE_PIPE_H
#define SCI_LOCAL_LINE_PIPE_H

#include "base/buffer.h"
#include "local/log_frames.h"

#include <stdbool.h>
#include <stddef.h>

struct event;
struct event_base;
struct sci_output;

/* A longer line is split into pieces of this size, each with a newline. */
#define SCI_LINE_MAX (16 * 1024)

struct sci_line_pipe {
	int fd;
	struct event *readable, *held;
	struct sci_output *output;
	bool after_return;         /* the last byte was a carriage return */
	struct sci_buffer partial; /* the line that has not ended yet; at most SCI_LINE_MAX bytes */

	bool framed;                  /* set by the caller: the process writes frames */
	struct sci_log_frames frames; /* used instead of `partial` when `framed` */

	/* Called with each line, the newline included; with all lines of an event at once. */
	void (*line)(void *arg, const char *line, size_t len);
	void *arg;
};

/* Read `fd`, which now belongs to the pipe, until it ends; `line`, `arg` and `framed` are set by
 * the caller before. Reading pauses while `output` is full, and drops lines while it is
 * stalled.
 *
 * returns  0, or SC_E_NOMEM with `fd` closed. */
int sci_line_pipe_init(struct sci_line_pipe *pipe, struct event_base *base, int fd,
	struct sci_output *output);

/* Read what is in the pipe now, as far as `output` is not full, and end the line that has not
 * ended. A frame that has not ended is left to be completed. */
void sci_line_pipe_drain(struct sci_line_pipe *pipe);

/* Drain for the last time: read all, even if `output` is full, and pass on an incomplete frame
 * too. */
void sci_line_pipe_finish(struct sci_line_pipe *pipe);

/* Stop reading and close. A pipe of zeroes is allowed. */
void sci_line_pipe_fini(struct sci_line_pipe *pipe);

#endif
