/* The life of an execution environment (environment_state.h). */
#ifndef SCI_LOCAL_ENVIRONMENT_H
#define SCI_LOCAL_ENVIRONMENT_H

#include "local/environment_state.h"

#include <scopecache/error.h>

/* Start an environment of `function` for `call`, which the environment then owns. `events` must
 * outlive it.
 *
 * returns  0 with *out set; SC_E_INVAL when the function's program cannot be run, SC_E_NOMEM, or
 *          SC_E_IO with `error` filled in, and the call is still the caller's. */
struct sci_environment_options {
	struct event_base *base;
	struct sci_deployment *function;
	struct sci_output *output;
	struct sci_isolation *isolation;
	const struct sci_environment_events *events;
	bool strict_shutdown, freeze;
	struct sci_lifetime lifetime;
};
int sci_environment_start(const struct sci_environment_options *options, struct sci_call *call,
	struct sci_environment **out, struct sc_error *error);

/* Give an idle environment a call, which it then owns. Returns false when its runtime has closed
 * the connection: the call is still the caller's, and the environment ends. */
bool sci_environment_assign(struct sci_environment *environment, struct sci_call *call);

/* End it in order: SIGTERM, and SIGKILL a moment later, half a second with an extension. A call
 * that is not answered fails. */
void sci_environment_stop(struct sci_environment *environment);

/* End an idle one in order, because its lifetime is over. */
void sci_environment_recycle(struct sci_environment *environment);

/* End it at once. */
void sci_environment_kill(struct sci_environment *environment);

/* Its process was reaped. */
void sci_environment_exited(struct sci_environment *environment, struct sci_process_end *end);

/* Free everything. Not from inside its own Runtime API. */
void sci_environment_free(struct sci_environment *environment);

/* The name of a state, in lower case. */
const char *sci_environment_state_name(enum sci_environment_state state);

#endif
