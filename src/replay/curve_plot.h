/* Miss-ratio curves as a picture. */
#ifndef SCI_REPLAY_CURVE_PLOT_H
#define SCI_REPLAY_CURVE_PLOT_H

#include "replay/replay_plan.h"

#include "base/buffer.h"

/* Append an SVG document with a panel for each trace and a curve for each policy in it.
 * Returns 0, or SC_E_NOMEM. */
int sci_curve_plot(struct sci_buffer *out, const struct sci_replay_plan *plan,
	const struct sci_replay_figures *figures, size_t count);

#endif
