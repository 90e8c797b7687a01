/* The trace id of the current invocation in the process's environment, where libraries look for
 * it. */
#ifndef SCI_LAMBDA_TRACE_ENVIRONMENT_H
#define SCI_LAMBDA_TRACE_ENVIRONMENT_H

#include "base/buffer.h"

/* All zero before the first use. */
struct sci_trace_environment {
	struct sci_buffer text; /* _X_AMZN_TRACE_ID=..., to which the environment points */
};

/* Set _X_AMZN_TRACE_ID, or unset it when `trace_id` is NULL. Returns 0, or SC_E_NOMEM with it
 * unset. */
int sci_trace_environment_set(struct sci_trace_environment *trace, const char *trace_id);

/* Unset it, and free the text. */
void sci_trace_environment_fini(struct sci_trace_environment *trace);

#endif
