/* The descriptor is usually a terminal or a pipe that other processes share, so it is not made
 * non-blocking, which would affect all of them. Instead poll() comes before each write, and a write
 * is at most PIPE_BUF long, which a pipe that is ready takes without blocking.
 *
 * Writes are queued and flushed once per round of the event loop: the lines of many invocations go
 * out in one system call. Two bounds: above FULL_BYTES the readers of the functions' output pause,
 * so that a slow terminal slows the functions down and loses nothing; above MAX_BYTES lines are
 * dropped, so that a blocked one neither takes memory nor stops the server. */
#include "local/output.h"

#include "base/clock.h"

#include <event2/buffer.h>
#include <event2/event.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define FULL_BYTES    (256 * 1024)
#define MAX_BYTES     (1024 * 1024)
#define STALLED_US    1000000
#define CLOSE_WAIT_MS 500

struct sci_output {
	int fd;
	struct evbuffer *queue;
	struct event *flush;    /* due in this round of the loop */
	struct event *writable; /* the descriptor can take more */
	int64_t progress_us;
	uint64_t missing;      /* lines */
	bool writable_unarmed; /* there was no memory to arm `writable`: the next line does */
};

/* Write one piece if the descriptor takes it within `wait_ms`. Returns 1 when it did, 0 when it
 * would block, -1 when it never will again. */
static int write_piece(struct sci_output *output, int wait_ms)
{
	struct pollfd ready = { .fd = output->fd, .events = POLLOUT };

	if (poll(&ready, 1, wait_ms) <= 0)
		return 0;
	if (!(ready.revents & POLLOUT))
		return -1;
	int written = evbuffer_write_atmost(output->queue, output->fd, PIPE_BUF);
	if (written < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	output->progress_us = sci_mono_us();
	return 1;
}

static void give_up(struct sci_output *output)
{
	output->fd = -1;
	evbuffer_drain(output->queue, evbuffer_get_length(output->queue));
}

static void report_missing(struct sci_output *output)
{
	if (output->missing == 0 || evbuffer_get_length(output->queue) > FULL_BYTES)
		return;
	if (evbuffer_add_printf(output->queue,
		    "scopecache local: %llu lines are missing here: the output was blocked\n",
		    (unsigned long long)output->missing) >= 0)
		output->missing = 0;
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct sci_output *output = arg;
	int rc = 1;

	(void)fd;
	(void)what;
	/* At most what was queued at the start: a function that prints without end must not occupy
	 * the loop. */
	for (size_t left = evbuffer_get_length(output->queue); left > 0 && rc > 0;
		left -= left < PIPE_BUF ? left : PIPE_BUF)
		rc = write_piece(output, 0);
	if (rc > 0)
		report_missing(output);
	if (rc > 0 && evbuffer_get_length(output->queue) > 0)
		event_active(output->flush, EV_TIMEOUT, 0);
	if (rc < 0)
		give_up(output);
	output->writable_unarmed = rc == 0 && event_add(output->writable, NULL) < 0;
}

int sci_output_open(struct event_base *base, int fd, struct sci_output **out)
{
	struct sci_output *output = calloc(1, sizeof *output);

	if (!output)
		return SC_E_NOMEM;
	output->fd = fd;
	output->progress_us = sci_mono_us();
	output->queue = evbuffer_new();
	output->flush = event_new(base, -1, 0, on_flush, output);
	output->writable = event_new(base, fd, EV_WRITE, on_flush, output);
	if (!output->queue || !output->flush || (!output->writable && fd >= 0)) {
		sci_output_close(output);
		return SC_E_NOMEM;
	}
	*out = output;
	return 0;
}

void sci_output_close(struct sci_output *output)
{
	if (!output)
		return;
	int64_t end_us = sci_mono_us() + CLOSE_WAIT_MS * 1000;
	if (output->queue && output->fd >= 0) {
		while (evbuffer_get_length(output->queue) > 0 && sci_mono_us() < end_us)
			if (write_piece(output, CLOSE_WAIT_MS / 10) < 0)
				break;
	}
	if (output->writable)
		event_free(output->writable);
	if (output->flush)
		event_free(output->flush);
	if (output->queue)
		evbuffer_free(output->queue);
	free(output);
}

void sci_output_write(struct sci_output *output, const void *line, size_t len)
{
	if (output->fd < 0)
		return;
	if (evbuffer_get_length(output->queue) + len > MAX_BYTES ||
		evbuffer_add(output->queue, line, len) < 0) {
		sci_output_miss(output, 1);
		return;
	}
	event_active(output->flush, EV_TIMEOUT, 0);
}

void sci_output_miss(struct sci_output *output, size_t lines)
{
	if (output->fd < 0)
		return;
	output->missing += lines;
	if (output->writable_unarmed)
		event_active(output->flush, EV_TIMEOUT, 0);
}

bool sci_output_full(const struct sci_output *output)
{
	return output->fd >= 0 && evbuffer_get_length(output->queue) > FULL_BYTES;
}

bool sci_output_stalled(const struct sci_output *output)
{
	return sci_output_full(output) && sci_mono_us() - output->progress_us > STALLED_US;
}
