/* The timer runs in the loop that does the work, so the bar needs no lock. */
#include "invoke/progress.h"

#include <event2/event.h>

#define TICK_US 100000

static void draw(evutil_socket_t fd, short what, void *arg)
{
	struct sci_progress *progress = arg;

	(void)fd;
	(void)what;
	sci_progress_bar_draw(&progress->bar, progress->label, *progress->done, progress->total);
}

void sci_progress_start(struct sci_progress *progress, struct event_base *base, const char *label,
	uint64_t total, const uint64_t *done, int64_t after_ms)
{
	const struct timeval every = { 0, TICK_US };

	*progress = (struct sci_progress){ .label = label, .done = done, .total = total };
	sci_progress_bar_start(&progress->bar, after_ms);
	if (!progress->bar.enabled)
		return;
	progress->tick = event_new(base, -1, EV_PERSIST, draw, progress);
	/* Without memory for it there is no bar. */
	if (progress->tick && event_add(progress->tick, &every) < 0) {
		event_free(progress->tick);
		progress->tick = NULL;
	}
}

void sci_progress_stop(struct sci_progress *progress)
{
	sci_progress_bar_wipe(&progress->bar);
	if (progress->tick)
		event_free(progress->tick);
	*progress = (struct sci_progress){ 0 };
}
