/* A progress bar for a command that works in steps of about the same length. */
#ifndef SCI_REPLAY_REPLAY_BAR_H
#define SCI_REPLAY_REPLAY_BAR_H

#include "base/progress_bar.h"

#include <stdint.h>

/* All zero is a bar that is not shown. */
struct sci_replay_bar {
	const char *label;    /* a file's name, without its folders */
	uint64_t steps, step; /* how many there are, and how many are done */
	struct sci_progress_bar bar;
};

/* Begin; nothing is shown in the first second, nor when standard error is not a terminal. */
void sci_replay_bar_start(struct sci_replay_bar *bar, uint64_t steps);

/* `step` steps are done, and the next is for the file at `path`, which stays valid until the next
 * call. */
void sci_replay_bar_step(struct sci_replay_bar *bar, uint64_t step, const char *path);

/* The step is at `done` of `total`; 0 of 0 when the total is unknown. Cheap enough for every
 * thousandth request. */
void sci_replay_bar_at(struct sci_replay_bar *bar, uint64_t done, uint64_t total);

/* Remove it from the terminal; the next sci_replay_bar_at() brings it back. */
void sci_replay_bar_wipe(struct sci_replay_bar *bar);

#endif
