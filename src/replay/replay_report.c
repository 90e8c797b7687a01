/* A figure that does not exist is "-" in the table and null in JSON: an upper bound has no
 * evictions; there is no byte hit ratio without sizes, or if all are 0; and no share of costs
 * without costs. */
#include "replay/replay_report.h"

#include "base/count_text.h"
#include "base/json_text.h"

#include <stdio.h>
#include <string.h>

#define RATIO_BYTES 16

static double ratio(uint64_t part, uint64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 0;
}

static bool has_bytes(const struct sci_replay_figures *figures)
{
	return figures->sized && figures->bytes > 0;
}

static bool has_saved(const struct sci_replay_figures *figures,
	const struct sci_replay_result *result)
{
	return figures->costed && figures->cost > 0 && !result->bound;
}

static const char *percent(double share, char text[RATIO_BYTES])
{
	snprintf(text, RATIO_BYTES, "%.2f %%", 100 * share);
	return text;
}

static void print_row(struct sci_buffer *out, const struct sci_replay_plan *plan,
	const struct sci_replay_figures *figures, unsigned limit, unsigned policy)
{
	const struct sci_replay_result *result = sci_replay_result_of(figures, plan, limit, policy);
	char count[SCI_COUNT_TEXT_BYTES], share[RATIO_BYTES];

	sci_buffer_printf(out, "%14s  %-12s", sci_count_text(plan->limits[limit], count),
		result->bound ? "opt, at most" : sci_replay_policy_name(plan->policies[policy]));
	sci_buffer_printf(out, " %14s", sci_count_text(result->hits, count));
	sci_buffer_printf(out, " %10s", percent(ratio(result->hits, figures->requests), share));
	sci_buffer_printf(out, " %14s",
		has_bytes(figures) ? percent(ratio(result->hit_bytes, figures->bytes), share)
				   : "-");
	if (figures->costed)
		sci_buffer_printf(out, " %10s",
			has_saved(figures, result)
				? percent(ratio(result->saved, figures->cost), share)
				: "-");
	sci_buffer_printf(out, " %14s",
		result->bound ? "-" : sci_count_text(result->evictions, count));
	if (plan->bytes)
		sci_buffer_printf(out, " %14s",
			result->bound ? "-" : sci_count_text(result->rejected, count));
	sci_buffer_append(out, "\n", 1);
}

int sci_replay_print_table(struct sci_buffer *out, const struct sci_replay_plan *plan,
	const struct sci_replay_figures *figures)
{
	char requests[SCI_COUNT_TEXT_BYTES], keys[SCI_COUNT_TEXT_BYTES],
		bytes[SCI_COUNT_TEXT_BYTES], skipped[SCI_COUNT_TEXT_BYTES];

	sci_buffer_printf(out, "%s: %s requests, %s keys", figures->path,
		sci_count_text(figures->requests, requests),
		sci_count_text(figures->key_count, keys));
	if (figures->sized)
		sci_buffer_printf(out, ", %s bytes", sci_count_text(figures->bytes, bytes));
	if (figures->skipped_lines > 0)
		sci_buffer_printf(out, ", %s bad lines skipped",
			sci_count_text(figures->skipped_lines, skipped));
	sci_buffer_printf(out, "\n%14s  %-12s %14s %10s %14s%s %14s",
		plan->bytes ? "max bytes" : "max entries", "policy", "hits", "hit ratio",
		"byte hit ratio", figures->costed ? " cost saved" : "", "evictions");
	sci_buffer_printf(out, plan->bytes ? " %14s\n" : "\n", "too large");
	for (unsigned i = 0; i < plan->limit_count * plan->policy_count; i++)
		print_row(out, plan, figures, i / plan->policy_count, i % plan->policy_count);
	return sci_buffer_result(out);
}

/* A number of JSON, or null when it is not known. */
static const char *known(bool is_known, uint64_t number, char text[SCI_COUNT_TEXT_BYTES])
{
	snprintf(text, SCI_COUNT_TEXT_BYTES, is_known ? "%llu" : "null",
		(unsigned long long)number);
	return text;
}

static const char *known_ratio(bool is_known, double share, char text[RATIO_BYTES])
{
	snprintf(text, RATIO_BYTES, is_known ? "%.6f" : "null", share);
	return text;
}

static void print_object(struct sci_buffer *out, const struct sci_replay_plan *plan,
	const struct sci_replay_figures *figures, unsigned limit, unsigned policy)
{
	const struct sci_replay_result *result = sci_replay_result_of(figures, plan, limit, policy);
	char entries[SCI_COUNT_TEXT_BYTES], bytes[SCI_COUNT_TEXT_BYTES],
		requested[SCI_COUNT_TEXT_BYTES], hit_bytes[SCI_COUNT_TEXT_BYTES],
		evictions[SCI_COUNT_TEXT_BYTES], rejected[SCI_COUNT_TEXT_BYTES],
		cost[SCI_COUNT_TEXT_BYTES], saved[SCI_COUNT_TEXT_BYTES], share[RATIO_BYTES],
		saved_share[RATIO_BYTES];

	sci_buffer_printf(out, "{\"trace\": ");
	sci_json_text(out, figures->path, strlen(figures->path));
	sci_buffer_printf(out,
		", \"policy\": \"%s\", \"bound\": %s, \"max_entries\": %s, \"max_bytes\": %s, "
		"\"keys\": %lu, \"requests\": %lu, \"requested_bytes\": %s, \"hits\": %llu, "
		"\"hit_bytes\": %s, \"hit_ratio\": %.6f, \"byte_hit_ratio\": %s, "
		"\"requested_cost\": %s, \"saved_cost\": %s, \"cost_saved_ratio\": %s, "
		"\"evictions\": %s, \"rejected\": %s, \"skipped_lines\": %llu}",
		sci_replay_policy_name(plan->policies[policy]), result->bound ? "true" : "false",
		known(!plan->bytes, plan->limits[limit], entries),
		known(plan->bytes, plan->limits[limit], bytes), (unsigned long)figures->key_count,
		(unsigned long)figures->requests, known(figures->sized, figures->bytes, requested),
		(unsigned long long)result->hits,
		known(figures->sized, result->hit_bytes, hit_bytes),
		ratio(result->hits, figures->requests),
		known_ratio(has_bytes(figures), ratio(result->hit_bytes, figures->bytes), share),
		known(figures->costed, figures->cost, cost),
		known(figures->costed && !result->bound, result->saved, saved),
		known_ratio(has_saved(figures, result), ratio(result->saved, figures->cost),
			saved_share),
		known(!result->bound, result->evictions, evictions),
		known(!result->bound, result->rejected, rejected),
		(unsigned long long)figures->skipped_lines);
}

int sci_replay_print_json(struct sci_buffer *out, const struct sci_replay_plan *plan,
	const struct sci_replay_figures *figures, size_t count)
{
	const char *before = "\n";
	sci_buffer_printf(out, "{\"results\": [");

	for (size_t i = 0; i < count; i++) {
		for (unsigned j = 0; j < plan->limit_count * plan->policy_count; j++) {
			sci_buffer_append(out, before, strlen(before));
			print_object(out, plan, &figures[i], j / plan->policy_count,
				j % plan->policy_count);
			before = ",\n";
		}
	}
	sci_buffer_printf(out, "\n]}\n");
	return sci_buffer_result(out);
}
