/* A progress bar as text. */
#ifndef SCI_BASE_PROGRESS_TEXT_H
#define SCI_BASE_PROGRESS_TEXT_H

#include <stdint.h>

#define SCI_PROGRESS_TEXT_BYTES 80

/* The bar, never wider than a terminal of 80 columns: what it is of, how much of `total` is done, and
 * how long the rest will take at that rate. */
void sci_progress_text(char text[SCI_PROGRESS_TEXT_BYTES], const char *label, uint64_t done,
	uint64_t total, int64_t elapsed_ms);

#endif
