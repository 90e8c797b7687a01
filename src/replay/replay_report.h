/* The figures of a replay as text. */
#ifndef SCI_REPLAY_REPLAY_REPORT_H
#define SCI_REPLAY_REPLAY_REPORT_H

#include "replay/replay_plan.h"

#include "base/buffer.h"

/* Append a table of one trace for people, or one JSON object of all (docs/man/scopecache-replay.1
 * has its members). Return 0, or SC_E_NOMEM. */
int sci_replay_print_table(struct sci_buffer *out, const struct sci_replay_plan *plan,
	const struct sci_replay_figures *figures);
int sci_replay_print_json(struct sci_buffer *out, const struct sci_replay_plan *plan,
	const struct sci_replay_figures *figures, size_t count);

#endif
