/* One write() draws a whole bar, so that it is never half drawn. A bar that cannot be written is
 * left out, and is no failure. */
#include "base/progress_bar.h"

#include "base/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH 24
#define EVERY_MS  100

void sci_progress_text(char text[SCI_PROGRESS_TEXT_BYTES], const char *label, uint64_t done,
	uint64_t total, int64_t elapsed_ms)
{
	double share = total > 0 ? (double)done / (double)total : 1;
	char bar[BAR_WIDTH + 1];

	share = share < 1 ? share : 1;
	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < (int)(share * BAR_WIDTH) ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	int len = snprintf(text, SCI_PROGRESS_TEXT_BYTES, "%.26s [%s] %3d %%", label, bar,
		(int)(share * 100));
	if (share > 0 && share < 1)
		snprintf(text + len, SCI_PROGRESS_TEXT_BYTES - (size_t)len, ", %.0f s left",
			(double)elapsed_ms / 1000 * (1 - share) / share);
}

void sci_progress_bar_start(struct sci_progress_bar *bar, int64_t after_ms)
{
	int64_t now_ms = sci_mono_ms();

	*bar = (struct sci_progress_bar){
		.started_ms = now_ms,
		.next_ms = now_ms + after_ms,
		.enabled = isatty(STDERR_FILENO),
	};
}

void sci_progress_bar_draw(struct sci_progress_bar *bar, const char *label, uint64_t done,
	uint64_t total)
{
	char text[SCI_PROGRESS_TEXT_BYTES], line[SCI_PROGRESS_TEXT_BYTES + 8];

	if (!bar->enabled)
		return;
	int64_t now_ms = sci_mono_ms();
	if (now_ms < bar->next_ms)
		return;
	bar->next_ms = now_ms + EVERY_MS;
	sci_progress_text(text, label, done, total, now_ms - bar->started_ms);
	int len = snprintf(line, sizeof line, "\r%s\033[K", text);
	bar->drawn = write(STDERR_FILENO, line, (size_t)len) > 0;
}

void sci_progress_bar_wipe(struct sci_progress_bar *bar)
{
	if (bar->drawn && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		bar->enabled = false;
	bar->drawn = false;
}
