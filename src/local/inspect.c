/* A snapshot. The memory of each process is read from the kernel for it. */
#include "local/inspect.h"

#include "base/clock.h"
#include "local/fleet.h"

#include <jansson.h>

static json_t *environment_json(const struct sci_environment *environment)
{
	struct sci_process_memory memory = sci_process_memory(&environment->process);
	int64_t now_us = sci_mono_us();
	int64_t idle_us = environment->state == SCI_ENVIRONMENT_IDLE
		? now_us - environment->idle_since_us
		: 0;

	return json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "id",
		environment->id, "function", environment->function->name, "pid",
		(int)environment->process.pid, "state",
		sci_environment_state_name(environment->state), "invocations",
		(json_int_t)environment->invocations, "extensions",
		(json_int_t)environment->extensions.count, "memory_kb", (json_int_t)memory.peak_kb,
		"rss_kb", (json_int_t)memory.resident_kb, "age_ms",
		(json_int_t)((now_us - environment->started_us) / 1000), "idle_ms",
		(json_int_t)(idle_us / 1000), "max_age_ms",
		(json_int_t)environment->lifetime.age_ms, "max_idle_ms",
		(json_int_t)environment->lifetime.idle_ms, "frozen", (int)environment->frozen);
}

static json_t *function_json(const struct sci_deployment *function)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "name", function->name, "arn",
		function->arn, "invocations", (json_int_t)function->figures.invocations,
		"cold_starts", (json_int_t)function->figures.cold_starts, "errors",
		(json_int_t)function->figures.errors, "timeouts",
		(json_int_t)function->figures.timeouts, "crashes",
		(json_int_t)function->figures.crashes, "throttles",
		(json_int_t)function->figures.throttles);
}

char *sci_inspect(const struct sci_fleet *fleet)
{
	const struct sci_fleet_options *options = sci_fleet_options_of(fleet);
	const struct sci_environment *environment = NULL;
	json_t *all = json_object(), *environments = json_array(), *functions = json_array();

	/* Each of these functions consumes its argument, also when it fails for want of memory. */
	int rc = json_object_set_new(all, "environments", environments);
	rc |= json_object_set_new(all, "functions", functions);
	/* An environment whose process is reaped is left out: another process may have its pid. */
	while ((environment = sci_fleet_next(fleet, environment)))
		if (!environment->exited)
			rc |= json_array_append_new(environments, environment_json(environment));
	for (size_t i = 0; i < options->function_count; i++)
		rc |= json_array_append_new(functions, function_json(&options->functions[i]));
	char *text = rc == 0 ? json_dumps(all, JSON_COMPACT) : NULL;
	json_decref(all);
	return text;
}
