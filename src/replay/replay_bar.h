/* A progress bar on standard error for a command that works in steps, for a person who waits. */
#ifndef SCI_REPLAY_REPLAY_BAR_H
#define SCI_REPLAY_REPLAY_BAR_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is a bar that is not shown. */
struct sci_replay_bar {
	const char *label;    /* a file's name, without its folders */
	uint64_t steps, step; /* all of them, and those that are behind */
	int64_t started_ms, next_ms;
	bool shown, drawn;
};

/* Begin; nothing is shown in the first second, nor when standard error is not a terminal. */
void sci_replay_bar_start(struct sci_replay_bar *bar, uint64_t steps);

/* `step` steps are done, and the next is for the file at `path`, which stays valid until another is. */
void sci_replay_bar_step(struct sci_replay_bar *bar, uint64_t step, const char *path);

/* The step is at `done` of `total`; 0 of 0 when nobody knows. Cheap enough for every thousandth request. */
void sci_replay_bar_at(struct sci_replay_bar *bar, uint64_t done, uint64_t total);

/* Take it off the terminal; it comes back with the next sci_replay_bar_at(). */
void sci_replay_bar_wipe(struct sci_replay_bar *bar);

#endif
