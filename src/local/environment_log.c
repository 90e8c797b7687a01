/* The order is that of Lambda: first what the process has written, then the lines about it. */
#include "local/environment_log.h"

#include "base/clock.h"
#include "local/environment_state.h"
#include "local/output.h"

#include <stdio.h>

void sci_environment_log_line(void *arg, const char *line, size_t len)
{
	struct sci_environment *environment = arg;

	sci_output_write(environment->output, line, len);
	if (environment->call && environment->call->tail)
		sci_log_tail_put(environment->call->tail, line, len);
}

void sci_environment_log_text(struct sci_environment *environment, const char *text)
{
	char line[SCI_LOG_LINE_BYTES];
	int len = snprintf(line, sizeof line, "%s\n", text);

	sci_environment_log_line(environment, line,
		(size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

/* They belong to no invocation, so they are in the log of none. */
void sci_environment_log_extensions(const struct sci_environment *environment)
{
	char line[SCI_LOG_LINE_BYTES];

	for (size_t i = 0; i < environment->extensions.count; i++) {
		const struct sci_extension *extension = &environment->extensions.all[i];
		size_t len = sci_log_extension(line, extension->name,
			sci_extension_state_name(extension->state), extension->gets_invoke);
		sci_output_write(environment->output, line, len);
	}
}

void sci_environment_log_failed_init(struct sci_environment *environment)
{
	const struct sci_call *call = environment->call;
	char line[SCI_LOG_LINE_BYTES];

	sci_environment_log_extensions(environment);
	size_t len = sci_log_init_report(line, sci_mono_us() - environment->started_us,
		call->status, call->error_type);
	sci_environment_log_line(environment, line, len);
	sci_environment_log_line(environment, line, sci_log_start(line, call->request_id));
}

void sci_environment_log_report(struct sci_environment *environment)
{
	const struct sci_call *call = environment->call;
	char line[SCI_LOG_LINE_BYTES];
	struct sci_report report = {
		.request_id = call->request_id,
		.duration_us = sci_mono_us() - environment->begun_us,
		.init_us = environment->init_us,
		.memory_size_mb = environment->function->memory_mb,
		.peak_kb = environment->peak_kb,
		.status = call->status,
		.error_type = call->error_type,
	};

	/* The time to kill the process does not count as the function's. */
	if (environment->timed_out)
		report.duration_us = environment->function->timeout_ms * 1000;
	sci_environment_log_line(environment, line, sci_log_end(line, call->request_id));
	sci_environment_log_line(environment, line, sci_log_report(line, &report));
	environment->init_us = -1;
}

void sci_environment_log_idle_exit(struct sci_environment *environment)
{
	char reason[SCI_EXIT_REASON_BYTES], line[256];

	sci_log_exit(reason, environment->exit_status);
	snprintf(line, sizeof line, "scopecache local: function %s, between invocations: %s",
		environment->function->name, reason);
	sci_environment_log_text(environment, line);
}
