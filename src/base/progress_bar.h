/* A progress bar on standard error. */
#ifndef SCI_BASE_PROGRESS_BAR_H
#define SCI_BASE_PROGRESS_BAR_H

#include <stdbool.h>
#include <stdint.h>

#define SCI_PROGRESS_TEXT_BYTES 80

/* The bar as text, at most 79 columns: its label, how much of `total` is done, and the time left at
 * that rate. More done than there is, or a total of 0, is shown as done. */
void sci_progress_text(char text[SCI_PROGRESS_TEXT_BYTES], const char *label, uint64_t done,
	uint64_t total, int64_t elapsed_ms);

/* All zero is a bar that is never drawn. */
struct sci_progress_bar {
	int64_t started_ms, next_ms;
	bool enabled, drawn;
};

/* Begin; nothing is drawn in the first `after_ms`, nor when standard error is not a terminal. */
void sci_progress_bar_start(struct sci_progress_bar *bar, int64_t after_ms);

/* Draw the bar, at most ten times a second. A call that draws nothing costs one reading of the
 * clock. */
void sci_progress_bar_draw(struct sci_progress_bar *bar, const char *label, uint64_t done,
	uint64_t total);

/* Remove the bar from the terminal; the next sci_progress_bar_draw() brings it back. */
void sci_progress_bar_wipe(struct sci_progress_bar *bar);

#endif
