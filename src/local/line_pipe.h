/* What a process writes to its standard output and error, read from a pipe and taken apart into
 * lines. A carriage return, alone or before a newline, ends a line as a newline does. */
#ifndef SCI_LOCAL_LINE_PIPE_H
#define SCI_LOCAL_LINE_PIPE_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct event;
struct event_base;
struct sci_output;

/* A longer line is passed on in pieces of this size, each ended with a newline. */
#define SCI_LINE_MAX (16 * 1024)

struct sci_line_pipe {
	int fd;
	struct event *readable, *held;
	struct sci_output *output;
	bool after_return;         /* the last byte was a carriage return, which has ended a line */
	struct sci_buffer partial; /* the line that has not ended yet; at most SCI_LINE_MAX bytes */

	/* Called with each line, the newline included. */
	void (*line)(void *arg, const char *line, size_t len);
	void *arg;
};

/* Read `fd`, which now belongs to the pipe, until it ends; `line` and `arg` are set by the caller before.
 * Reading holds back while `output` is full, and throws away while it is stalled.
 *
 * returns  0, or SC_E_NOMEM with `fd` closed. */
int sci_line_pipe_init(struct sci_line_pipe *pipe, struct event_base *base, int fd,
	struct sci_output *output);

/* Read what is in the pipe now, and end the line that has not ended. */
void sci_line_pipe_drain(struct sci_line_pipe *pipe);

/* Stop reading and close. A pipe of zeroes is allowed. */
void sci_line_pipe_fini(struct sci_line_pipe *pipe);

#endif
