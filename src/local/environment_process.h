/* The start of an environment's process: its variables, its sandbox, and the pipes of its output.
 */
#ifndef SCI_LOCAL_ENVIRONMENT_PROCESS_H
#define SCI_LOCAL_ENVIRONMENT_PROCESS_H

#include <scopecache/error.h>

struct event_base;
struct sci_environment;

/* Start the process of an environment whose Runtime API is served already.
 *
 * returns  0; SC_E_INVAL, SC_E_IO or SC_E_NOMEM with `error` filled in: the process may run, and is
 *          ended with the environment. */
int sci_environment_start_process(struct sci_environment *environment, struct event_base *base,
	struct sc_error *error);

#endif
