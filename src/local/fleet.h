/* All environments of all functions: which of them an invocation goes to, when a new one is
 * started, and how all of them end. */
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

	/* Called when a stopped fleet has no environment left. */
	void (*empty)(void *arg);
	void *arg;
};

/* returns  0 with *out set, or SC_E_NOMEM. */
int sci_fleet_open(const struct sci_fleet_options *options, struct sci_fleet **out);

enum sci_submitted {
	SCI_SUBMITTED,           /* the call is the fleet's; after all others it is the caller's */
	SCI_SUBMITTED_THROTTLED, /* there are too many environments, or waiting events */
	SCI_SUBMITTED_STOPPING,
	SCI_SUBMITTED_NO_MEMORY
};

/* Take a call. It goes to the idle environment of its function that was used last; else it waits
 * for one that has answered, or gets a new one; else, if it is an event, it waits in the queue. */
enum sci_submitted sci_fleet_submit(struct sci_fleet *fleet, struct sci_call *call);

/* A child may have ended: look. */
void sci_fleet_reap(struct sci_fleet *fleet);

/* End every environment, and take no more calls; those that wait fail. A second time: at once. */
void sci_fleet_stop(struct sci_fleet *fleet);

/* Free. Whatever still runs is killed. NULL is allowed. */
void sci_fleet_close(struct sci_fleet *fleet);

/* Iterate over the environments: NULL before the first and after the last. */
const struct sci_environment *sci_fleet_next(const struct sci_fleet *fleet,
	const struct sci_environment *environment);

const struct sci_fleet_options *sci_fleet_options_of(const struct sci_fleet *fleet);

#endif
