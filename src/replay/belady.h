/* The most hits that a cache of so many entries can have, with all of the future known: Belady's
 * optimum, which may also leave a key uncached. */
#ifndef SCI_REPLAY_BELADY_H
#define SCI_REPLAY_BELADY_H

#include "replay/replay_bar.h"
#include "replay/replay_plan.h"

#include <scopecache/error.h>

struct sci_belady;

/* Prepare for a trace, which must stay as it is. Returns 0, or SC_E_NOMEM. */
int sci_belady_open(struct sci_belady **belady, const struct sci_trace *trace,
	struct sc_error *error);

void sci_belady_close(struct sci_belady *belady);

/* The optimum of a cache of `entries`. */
void sci_belady_replay(struct sci_belady *belady, uint64_t entries, struct sci_replay_bar *bar,
	struct sci_replay_result *result);

#endif
