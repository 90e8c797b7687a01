/* A start that fails in the middle leaves the rest to sci_environment_free(). */
#include "local/environment_process.h"

#include "base/error.h"
#include "local/environment_log.h"
#include "local/environment_state.h"
#include "local/isolation.h"

#include <limits.h>

static int read_outputs(struct sci_environment *environment, struct event_base *base,
	const struct sci_process_outputs *outputs)
{
	environment->pipe.line = environment->telemetry.line = sci_environment_log_line;
	environment->pipe.arg = environment->telemetry.arg = environment;
	environment->telemetry.framed = true;
	int rc = sci_line_pipe_init(&environment->pipe, base, outputs->output_fd,
		environment->output);
	int also = sci_line_pipe_init(&environment->telemetry, base, outputs->telemetry_fd,
		environment->output);
	return rc < 0 ? rc : also;
}

static int start_in_sandbox(struct sci_environment *environment, char *const *variables,
	struct sci_process_outputs *outputs, struct sc_error *error)
{
	const struct sci_deployment *function = environment->function;
	struct sci_process_options options = {
		.path = function->bootstrap,
		.directory = function->directory,
		.environment = variables,
	};
	char tmp[PATH_MAX];

	int rc = sci_isolation_enter(environment->isolation, function, environment->tmp_id, tmp,
		&options.sandbox, error);
	if (rc < 0)
		return rc;
	return sci_process_start(&environment->process, &options, outputs, error);
}

int sci_environment_start_process(struct sci_environment *environment, struct event_base *base,
	struct sc_error *error)
{
	struct sci_environ variables = { 0 };
	struct sci_process_outputs outputs = { -1, -1 };
	int rc;

	if (sci_environ_copy_for(&variables, &environment->function->environment, environment->id,
		    sci_http_listener_port(environment->runtime)) < 0)
		rc = sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	else
		rc = start_in_sandbox(environment, variables.entries, &outputs, error);
	sci_environ_fini(&variables);
	if (rc < 0)
		return rc;
	if (read_outputs(environment, base, &outputs) < 0)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	return 0;
}
