/* The environments of the local Lambda: GET /_scopecache/environments. */
#ifndef DEMO_FLEET_VIEW_H
#define DEMO_FLEET_VIEW_H

#include "base/buffer.h"
#include "invoke/channel.h"

#include <scopecache/error.h>

#include <stdint.h>
#include <sys/types.h>

/* Of one function. */
struct fleet_figures {
	uint64_t cold_starts;
	int64_t peak_memory_kb; /* the largest of an environment that is running */
	pid_t pid;              /* of one of them, a busy one if any; 0 if none runs */
};

struct fleet_view;
typedef void fleet_view_seen_fn(struct fleet_view *view, int rc);

/* Begins as zero, except for the fields that the caller sets. */
struct fleet_view {
	struct sci_channel channel; /* first, so that the channel's callback finds the view */

	/* Set before the first request. */
	struct event_base *base;
	const struct sci_address *address;
	const char *host;
	fleet_view_seen_fn
		*seen; /* called from the loop when the figures or the error are filled in */
	void *arg;

	struct fleet_figures figures;
	struct sc_error error;

	const char *function;
	struct sci_buffer head;
};

/* Returns 0 or SC_E_NOMEM; fleet_view_fini() in either case. */
int fleet_view_init(struct fleet_view *view);
void fleet_view_fini(struct fleet_view *view);

/* Begin a request; one at a time. `function` must stay valid until it ends. */
void fleet_view_look(struct fleet_view *view, const char *function);

#endif
