/* Drawn ten times a second from the loop that does the work, so nothing needs a lock; one write() a
 * time, so that a bar is never half drawn. */
#include "invoke/progress.h"

#include "base/clock.h"
#include "base/progress_text.h"

#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

#define TICK_US 100000

static void draw(evutil_socket_t fd, short what, void *arg)
{
	struct sci_progress *progress = arg;
	int64_t elapsed_ms = sci_mono_ms() - progress->started_ms;
	char text[SCI_PROGRESS_TEXT_BYTES], line[SCI_PROGRESS_TEXT_BYTES + 8];

	(void)fd;
	(void)what;
	if (elapsed_ms < progress->after_ms)
		return;
	sci_progress_text(text, progress->label, *progress->done, progress->total, elapsed_ms);
	int len = snprintf(line, sizeof line, "\r%s\033[K", text);
	progress->drawn = write(STDERR_FILENO, line, (size_t)len) > 0;
}

void sci_progress_start(struct sci_progress *progress, struct event_base *base, const char *label,
	uint64_t total, const uint64_t *done, int64_t after_ms)
{
	const struct timeval every = { 0, TICK_US };

	*progress = (struct sci_progress){
		.label = label,
		.done = done,
		.total = total,
		.started_ms = sci_mono_ms(),
		.after_ms = after_ms,
	};
	if (!isatty(STDERR_FILENO))
		return;
	progress->tick = event_new(base, -1, EV_PERSIST, draw, progress);
	if (progress->tick)
		event_add(progress->tick, &every);
}

void sci_progress_stop(struct sci_progress *progress)
{
	if (progress->drawn && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		progress->drawn = false;
	if (progress->tick)
		event_free(progress->tick);
	*progress = (struct sci_progress){ 0 };
}
