/* The log of all functions: whole lines in order, written to a file descriptor that may be slow,
 * blocked or closed. */
#ifndef SCI_LOCAL_OUTPUT_H
#define SCI_LOCAL_OUTPUT_H

#include <scopecache/error.h>

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct sci_output;

/* Write to `fd`, which stays the caller's; -1 writes nowhere.
 *
 * returns  0 with *out set, or SC_E_NOMEM. */
int sci_output_open(struct event_base *base, int fd, struct sci_output **out);

/* Write the queued lines without blocking, for at most half a second; then free. NULL is
 * allowed. */
void sci_output_close(struct sci_output *output);

/* Queue one line, its newline included. Never blocks. Beyond the bound lines are
 * dropped; their number is logged as soon as the descriptor takes bytes again. */
void sci_output_write(struct sci_output *output, const void *line, size_t len);

/* Count lines that the caller has dropped. */
void sci_output_miss(struct sci_output *output, size_t lines);

/* True when the queue is so long that readers of functions' output should pause. */
bool sci_output_full(const struct sci_output *output);

/* True when it has been full for a second without progress: the log has no reader. */
bool sci_output_stalled(const struct sci_output *output);

#endif
