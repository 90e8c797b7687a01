/* Drawn by the one thread that does the work, at most ten times a second; one write() a time, so that a
 * bar is never half drawn. It is an ornament: what cannot be written is left out. */
#include "replay/replay_bar.h"

#include "base/clock.h"
#include "base/progress_text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AFTER_MS 1000
#define EVERY_MS 100
/* The parts that a step is divided into, so that its share is a whole number. */
#define STEP_PARTS 1000000

void sci_replay_bar_start(struct sci_replay_bar *bar, uint64_t steps)
{
	int64_t now_ms = sci_mono_ms();

	*bar = (struct sci_replay_bar){
		.label = "",
		.steps = steps,
		.started_ms = now_ms,
		.next_ms = now_ms + AFTER_MS,
		.shown = isatty(STDERR_FILENO),
	};
}

void sci_replay_bar_step(struct sci_replay_bar *bar, uint64_t step, const char *path)
{
	const char *slash = strrchr(path, '/');

	bar->step = step;
	bar->label = slash ? slash + 1 : path;
}

void sci_replay_bar_at(struct sci_replay_bar *bar, uint64_t done, uint64_t total)
{
	char text[SCI_PROGRESS_TEXT_BYTES], line[SCI_PROGRESS_TEXT_BYTES + 8];

	if (!bar->shown)
		return;
	int64_t now_ms = sci_mono_ms();
	if (now_ms < bar->next_ms)
		return;
	bar->next_ms = now_ms + EVERY_MS;
	double share = total > 0 && done < total ? (double)done / (double)total : total > 0;
	sci_progress_text(text, bar->label, bar->step * STEP_PARTS + (uint64_t)(share * STEP_PARTS),
		bar->steps * STEP_PARTS, now_ms - bar->started_ms);
	int len = snprintf(line, sizeof line, "\r%s\033[K", text);
	bar->drawn = write(STDERR_FILENO, line, (size_t)len) > 0;
}

void sci_replay_bar_wipe(struct sci_replay_bar *bar)
{
	if (bar->drawn && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		bar->shown = false;
	bar->drawn = false;
}
