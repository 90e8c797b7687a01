/* The bar counts millionths of a step, so that progress within a step is a whole number. */
#include "replay/replay_bar.h"

#include <string.h>

#define AFTER_MS   1000
#define STEP_PARTS 1000000

void sci_replay_bar_start(struct sci_replay_bar *bar, uint64_t steps)
{
	*bar = (struct sci_replay_bar){ .label = "", .steps = steps };
	sci_progress_bar_start(&bar->bar, AFTER_MS);
}

void sci_replay_bar_step(struct sci_replay_bar *bar, uint64_t step, const char *path)
{
	const char *slash = strrchr(path, '/');

	bar->step = step;
	bar->label = slash ? slash + 1 : path;
}

void sci_replay_bar_at(struct sci_replay_bar *bar, uint64_t done, uint64_t total)
{
	double share = total > 0 && done < total ? (double)done / (double)total : total > 0;

	sci_progress_bar_draw(&bar->bar, bar->label,
		bar->step * STEP_PARTS + (uint64_t)(share * STEP_PARTS), bar->steps * STEP_PARTS);
}

void sci_replay_bar_wipe(struct sci_replay_bar *bar)
{
	sci_progress_bar_wipe(&bar->bar);
}
