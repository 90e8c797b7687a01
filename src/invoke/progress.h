/* A progress bar that an event loop draws. */
#ifndef SCI_INVOKE_PROGRESS_H
#define SCI_INVOKE_PROGRESS_H

#include "base/progress_bar.h"

#include <stdint.h>

struct event;
struct event_base;

/* All zero is a bar that is not shown. */
struct sci_progress {
	struct event *tick;
	const char *label;
	const uint64_t *done;
	uint64_t total;
	struct sci_progress_bar bar;
};

/* Show the bar from `after_ms` on, as long as the loop runs; nothing when standard error is not a
 * terminal. `label` and `done` stay valid until sci_progress_stop(), which removes the bar. Without
 * memory for its timer no bar is shown. */
void sci_progress_start(struct sci_progress *progress, struct event_base *base, const char *label,
	uint64_t total, const uint64_t *done, int64_t after_ms);
void sci_progress_stop(struct sci_progress *progress);

#endif
