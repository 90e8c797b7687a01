/* Reading is done in pieces, one per round of the event loop, so that a function that prints
 * without end gets no more of the loop than any other. While the output is full the pipe is not
 * read, and the kernel blocks the writer once 64 KiB are waiting; when the output has no reader,
 * lines are dropped instead, because a function must not hang for that. */
#include "local/line_pipe.h"

#include "local/output.h"
#include "local/timer.h"

#include <scopecache/error.h>

#include <event2/event.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES   (64 * 1024)
#define DRAIN_BYTES  (1024 * 1024)
#define HOLD_BACK_MS 20

static void end_partial(struct sci_line_pipe *pipe)
{
	if (pipe->partial.len == 0)
		return;
	/* It fits: keep_partial() has reserved one byte more. */
	pipe->partial.data[pipe->partial.len] = '\n';
	pipe->line(pipe->arg, pipe->partial.data, pipe->partial.len + 1);
	pipe->partial.len = 0;
}

static void keep_partial(struct sci_line_pipe *pipe, const char *data, size_t len)
{
	while (len > 0) {
		size_t space = SCI_LINE_MAX - 1 - pipe->partial.len;
		size_t piece = len < space ? len : space;
		/* Without memory this piece of the line is lost; the function does not wait. */
		if (sci_buffer_reserve(&pipe->partial, piece + 1) == 0)
			sci_buffer_append(&pipe->partial, data, piece);
		if (pipe->partial.len == SCI_LINE_MAX - 1)
			end_partial(pipe);
		data += piece;
		len -= piece;
	}
}

static void take_lines(struct sci_line_pipe *pipe, const char *data, size_t len)
{
	const char *newline;

	while (len > 0 && (newline = memchr(data, '\n', len))) {
		size_t line = (size_t)(newline - data) + 1;
		if (pipe->partial.len > 0 || line > SCI_LINE_MAX) {
			keep_partial(pipe, data, line - 1);
			end_partial(pipe);
		} else {
			pipe->line(pipe->arg, data, line);
		}
		data += line;
		len -= line;
	}
	keep_partial(pipe, data, len);
}

/* Replace carriage returns, alone or before a newline, by newlines: Python's and Node's clients
 * separate the lines of a stack trace with them, and a terminal would overwrite each line with the
 * next. Returns the new length. */
static size_t normalize_line_ends(struct sci_line_pipe *pipe, char *data, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		bool ended = pipe->after_return && data[i] == '\n';
		pipe->after_return = data[i] == '\r';
		if (pipe->after_return)
			data[i] = '\n';
		if (!ended)
			data[kept++] = data[i];
	}
	return kept;
}

static size_t count_lines(const char *data, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += data[i] == '\n';
	return count;
}

static void take(struct sci_line_pipe *pipe, const char *data, size_t len)
{
	if (pipe->framed)
		sci_log_frames_put(&pipe->frames, data, len);
	else
		take_lines(pipe, data, len);
}

/* The text of a frame, which can only shrink, so it is changed in place. */
static void on_event(void *arg, const char *text, size_t len)
{
	struct sci_line_pipe *pipe = arg;

	pipe->after_return = false;
	len = normalize_line_ends(pipe, pipe->frames.text.data, len);
	if (sci_output_stalled(pipe->output))
		sci_output_miss(pipe->output, count_lines(text, len));
	else
		pipe->line(pipe->arg, text, len);
}

/* Returns the number of bytes read, 0 when there is nothing now, -1 at the end. */
static ssize_t read_piece(struct sci_line_pipe *pipe)
{
	static char piece[READ_BYTES]; /* one thread, and nothing of it is needed after the call */
	ssize_t got = read(pipe->fd, piece, sizeof piece);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (got == 0)
		return -1;
	/* Not in frames, whose lengths count every byte. */
	size_t len = pipe->framed ? (size_t)got : normalize_line_ends(pipe, piece, (size_t)got);
	if (!pipe->framed && sci_output_stalled(pipe->output))
		sci_output_miss(pipe->output, count_lines(piece, len));
	else
		take(pipe, piece, len);
	return got;
}

static bool must_hold_back(const struct sci_line_pipe *pipe)
{
	return sci_output_full(pipe->output) && !sci_output_stalled(pipe->output);
}

/* Without memory for the timer the loop calls on_readable() again and again: that costs time and
 * loses nothing. */
static void hold_back(struct sci_line_pipe *pipe)
{
	if (sci_timer_start(pipe->held, HOLD_BACK_MS) == 0)
		event_del(pipe->readable);
}

static void on_held(evutil_socket_t fd, short what, void *arg)
{
	struct sci_line_pipe *pipe = arg;

	(void)fd;
	(void)what;
	if (must_hold_back(pipe) && sci_timer_start(pipe->held, HOLD_BACK_MS) == 0)
		return;
	/* With neither event, the pipe is still read when the invocation ends. */
	if (event_add(pipe->readable, NULL) < 0 && sci_timer_start(pipe->held, HOLD_BACK_MS) < 0)
		sci_line_pipe_drain(pipe);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct sci_line_pipe *pipe = arg;

	(void)fd;
	(void)what;
	if (must_hold_back(pipe))
		hold_back(pipe);
	else if (read_piece(pipe) < 0)
		event_del(pipe->readable);
}

int sci_line_pipe_init(struct sci_line_pipe *pipe, struct event_base *base, int fd,
	struct sci_output *output)
{
	pipe->fd = fd;
	pipe->output = output;
	pipe->frames.event = on_event;
	pipe->frames.arg = pipe;
	pipe->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, pipe);
	pipe->held = evtimer_new(base, on_held, pipe);
	if (pipe->readable && pipe->held && event_add(pipe->readable, NULL) == 0)
		return 0;
	sci_line_pipe_fini(pipe);
	return SC_E_NOMEM;
}

static void drain(struct sci_line_pipe *pipe, bool may_hold_back)
{
	size_t total = 0;
	ssize_t got;

	while (total < DRAIN_BYTES && !(may_hold_back && must_hold_back(pipe)) &&
		(got = read_piece(pipe)) > 0)
		total += (size_t)got;
	end_partial(pipe);
}

void sci_line_pipe_drain(struct sci_line_pipe *pipe)
{
	drain(pipe, true);
}

/* What is not read now is lost and not counted, so a full output is no reason to stop: it counts
 * the lines that it drops. */
void sci_line_pipe_finish(struct sci_line_pipe *pipe)
{
	drain(pipe, false);
	sci_log_frames_flush(&pipe->frames);
}

void sci_line_pipe_fini(struct sci_line_pipe *pipe)
{
	if (!pipe->output)
		return;
	if (pipe->readable)
		event_free(pipe->readable);
	if (pipe->held)
		event_free(pipe->held);
	close(pipe->fd);
	sci_buffer_fini(&pipe->partial);
	sci_log_frames_fini(&pipe->frames);
	pipe->output = NULL;
	pipe->readable = pipe->held = NULL;
}
