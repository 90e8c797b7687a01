/* The names of the outcomes come from the table in invoke.h, so a new outcome needs no change here.
 * The JSON is written as text, so that a payload in it keeps every byte of the function's
 * answer. */
#include "invoke/invoke_summary.h"

#include "base/count_text.h"
#include "base/json_syntax.h"
#include "base/json_text.h"

#include <stdio.h>
#include <string.h>

/* The percentiles that are shown: 0 and 100 are the extremes. */
static const struct {
	double percent;
	const char *json, *text;
} points[] = {
	{ 0, "min", "min" },
	{ 50, "p50", "p50" },
	{ 90, "p90", "p90" },
	{ 99, "p99", "p99" },
	{ 99.9, "p99_9", "p99.9" },
	{ 100, "max", "max" },
};
#define POINTS (sizeof points / sizeof points[0])

static const struct {
	const char *json, *text;
} outcomes[] = {
#define NAMES(name, json, text) { json, text },
	SCI_INVOKE_OUTCOMES(NAMES)
#undef NAMES
};

static double rate(const struct sci_invoke_result *result)
{
	return result->elapsed_ns > 0 ? (double)result->done * 1e9 / (double)result->elapsed_ns : 0;
}

static void print_latency(struct sci_buffer *out, const struct sci_histogram *latency)
{
	if (latency->count == 0)
		return;
	sci_buffer_printf(out, "%-24s", "latency, ms");
	for (size_t i = 0; i < POINTS; i++)
		sci_buffer_printf(out, " %9s", points[i].text);
	sci_buffer_printf(out, "\n%-24s", "");
	for (size_t i = 0; i < POINTS; i++)
		sci_buffer_printf(out, " %9.3f",
			(double)sci_histogram_percentile_ns(latency, points[i].percent) / 1e6);
	sci_buffer_append(out, "\n", 1);
}

int sci_invoke_print_table(struct sci_buffer *out, const struct sci_invoke_subject *subject,
	const struct sci_invoke_result *result)
{
	char number[SCI_COUNT_TEXT_BYTES], of[SCI_COUNT_TEXT_BYTES];

	sci_buffer_printf(out, "%-24s %9s", "invocations", sci_count_text(result->done, number));
	if (result->done < subject->requested)
		sci_buffer_printf(out, " of %s", sci_count_text(subject->requested, of));
	sci_buffer_printf(out, "   of %s, %u at once\n", subject->function, subject->parallel);
	for (size_t i = 0; i < SCI_INVOKE_OUTCOME_COUNT; i++)
		if (i <= SCI_INVOKE_FUNCTION_ERROR || result->outcomes[i] > 0)
			sci_buffer_printf(out, "  %-22s %9s\n", outcomes[i].text,
				sci_count_text(result->outcomes[i], number));
	sci_buffer_printf(out, "%-24s %9.3f\n%-24s %9.1f\n", "elapsed, s",
		(double)result->elapsed_ns / 1e9, "invocations per second", rate(result));
	print_latency(out, &result->latency);
	return sci_buffer_result(out);
}

static void print_latency_json(struct sci_buffer *out, const struct sci_histogram *latency)
{
	sci_buffer_printf(out, ", \"latency_us\": ");
	if (latency->count == 0) {
		sci_buffer_printf(out, "null");
		return;
	}
	for (size_t i = 0; i < POINTS; i++)
		sci_buffer_printf(out, "%s\"%s\": %.1f", i == 0 ? "{" : ", ", points[i].json,
			(double)sci_histogram_percentile_ns(latency, points[i].percent) / 1e3);
	sci_buffer_append(out, "}", 1);
}

static void print_string(struct sci_buffer *out, const char *before, const char *text)
{
	sci_buffer_append(out, before, strlen(before));
	sci_json_text(out, text, strlen(text));
}

int sci_invoke_print_json(struct sci_buffer *out, const struct sci_invoke_subject *subject,
	const struct sci_invoke_result *result, const struct sci_buffer *answer)
{
	print_string(out, "{\"function\": ", subject->function);
	print_string(out, ", \"endpoint\": ", subject->endpoint);
	sci_buffer_printf(out,
		", \"parallel\": %u, \"requested\": %llu, \"interrupted\": %s, "
		"\"invocations\": %llu",
		subject->parallel, (unsigned long long)subject->requested,
		subject->interrupted ? "true" : "false", (unsigned long long)result->done);
	for (size_t i = 0; i < SCI_INVOKE_OUTCOME_COUNT; i++)
		sci_buffer_printf(out, ", \"%s\": %llu", outcomes[i].json,
			(unsigned long long)result->outcomes[i]);
	sci_buffer_printf(out,
		", \"elapsed_s\": %.6f, \"rate_per_s\": %.1f, \"sent_bytes\": %llu, "
		"\"received_bytes\": %llu",
		(double)result->elapsed_ns / 1e9, rate(result),
		(unsigned long long)result->sent_bytes, (unsigned long long)result->received_bytes);
	print_latency_json(out, &result->latency);
	if (result->first_failure.code)
		print_string(out, ", \"first_failure\": ", result->first_failure.message);
	else
		sci_buffer_printf(out, ", \"first_failure\": null");
	if (answer) {
		sci_buffer_printf(out, ", \"answer\": ");
		sci_buffer_append(out, answer->data, answer->len);
	}
	sci_buffer_append(out, "}\n", 2);
	return sci_buffer_result(out);
}

static void print_payload(struct sci_buffer *out, const struct sci_invoke_payload *payload)
{
	size_t offset;
	bool is_json = sci_json_syntax(payload->data, payload->len, &offset) == 0;

	sci_buffer_printf(out, ", \"%s\": ", is_json ? "payload" : "payload_text");
	if (is_json)
		sci_buffer_append(out, payload->data, payload->len);
	else
		sci_json_text(out, payload->data, payload->len);
}

int sci_invoke_answer_json(struct sci_buffer *out, const struct sci_invoke_answer *answer)
{
	sci_buffer_printf(out, "{\"status\": %d", answer->status);
	print_string(out, ", \"request_id\": ", answer->request_id);
	print_string(out, ", \"function_error\": ", answer->function_error);
	print_payload(out, &answer->payload);
	sci_buffer_append(out, "}", 1);
	return sci_buffer_result(out);
}
