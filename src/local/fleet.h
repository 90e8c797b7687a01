/* The environments of all functions: the choice of one for an invocation, the start of new ones,
 * and the end of all. */
#ifndef SCI_LOCAL_FLEET_H
#define SCI_LOCAL_FLEET_H

#include "local/deployment.h"
#include "local/environment.h"

#include <stdbool.h>
#include <stddef.h>

struct sci_fleet;

struct sci_fleet_options {
	struct event_base *base;
	struct sci_output *output;
	struct sci_isolation *isolation;
	struct sci_deployment *functions; /* outlive the fleet */
	size_t function_count;
	size_t max_environments;
	bool strict_shutdown, freeze; /* see environment_state.h */
	uint64_t seed;                /* of the lifetimes that are drawn */

	/* Called when a stopped fleet has no environment left. */
	void (*empty)(void *arg);
	void *arg;
};

/* returns  0 with *out set, or SC_E_NOMEM. */
int sci_fleet_open(const struct sci_fleet_options *options, struct sci_fleet **out);

enum sci_submitted {
	SCI_SUBMITTED,           /* the fleet owns the call; otherwise the caller still does */
	SCI_SUBMITTED_THROTTLED, /* too many environments, or waiting events */
	SCI_SUBMITTED_STOPPING,
	SCI_SUBMITTED_NO_MEMORY
};

/* Assign a call to the idle environment of its function that was used last. Without one, it waits
 * for an environment that has answered, or gets a new one; otherwise an event is queued. */
enum sci_submitted sci_fleet_submit(struct sci_fleet *fleet, struct sci_call *call);

/* Reap children that have ended. To be called on SIGCHLD. */
void sci_fleet_reap(struct sci_fleet *fleet);

/* End every environment, and refuse new calls; calls that wait fail. A second call kills. */
void sci_fleet_stop(struct sci_fleet *fleet);

/* Free. Environments that still run are killed. NULL is allowed. */
void sci_fleet_close(struct sci_fleet *fleet);

/* Iterate over the environments: NULL before the first and after the last. */
const struct sci_environment *sci_fleet_next(const struct sci_fleet *fleet,
	const struct sci_environment *environment);

const struct sci_fleet_options *sci_fleet_options_of(const struct sci_fleet *fleet);

#endif
