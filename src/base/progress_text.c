/* What cannot be (more done than there is, nothing to do) is shown as done. */
#include "base/progress_text.h"

#include <stddef.h>
#include <stdio.h>

#define BAR_WIDTH 24

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
