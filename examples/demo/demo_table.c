/* Both forms print the same figures. The table also has the number of failed invocations: those in
 * progress in the environment that was killed. */
#include "demo/demo_table.h"

#include <inttypes.h>

static const char *const upstream_names[] = {
	[UPSTREAM_S3] = "list_buckets, asking S3 (a stand-in on loopback)",
	[UPSTREAM_REPORTS] = "report, asking a SQLite database",
	[UPSTREAM_FLAGS] = "flags, asking a slow source (a file, after 5 ms)",
};

void demo_print_json(FILE *out, const struct row *rows, size_t count)
{
	fputs("{\"rows\":[", out);
	for (size_t i = 0; i < count; i++)
		fprintf(out,
			"%s{\"technique\":\"%s\",\"invocations\":%" PRIu64
			",\"cold_starts\":%" PRIu64 ",\"upstream_opens\":%" PRIu64
			",\"upstream_queries\":%" PRIu64
			",\"hit_ratio\":%.4f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"memory_kb\":%" PRId64
			",\"failed\":%" PRIu64 ",\"outage_invocations\":%" PRIu64
			",\"outage_failed\":%" PRIu64 ",\"outage_stale\":%" PRIu64 "}",
			i > 0 ? "," : "", rows[i].technique->name, rows[i].invocations,
			rows[i].cold_starts, rows[i].opens, rows[i].queries,
			row_hit_ratio(&rows[i]), rows[i].p50_ms, rows[i].p99_ms, rows[i].memory_kb,
			rows[i].failed, rows[i].outage.invocations, rows[i].outage.failed,
			rows[i].outage.stale);
	fputs("]}\n", out);
}

void demo_print_table(FILE *out, const struct row *rows, size_t count)
{
	fprintf(out, "%34s %6s %6s %8s %8s %7s\n", "", "", "cold", "upstream", "upstream", "hit");
	fprintf(out, "%34s %6s %6s %8s %8s %7s %8s %8s %9s\n", "invocations", "failed", "starts",
		"opens", "queries", "ratio", "p50, ms", "p99, ms", "memory kB");
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		if (i == 0 || row->technique->upstream != rows[i - 1].technique->upstream)
			fprintf(out, "%s\n", upstream_names[row->technique->upstream]);
		fprintf(out,
			"  %-20s %11" PRIu64 " %6" PRIu64 " %6" PRIu64 " %8" PRIu64 " %8" PRIu64
			" %5.1f %% %8.3f %8.3f %9" PRId64 "\n",
			row->technique->label, row->invocations, row->failed, row->cold_starts,
			row->opens, row->queries, row_hit_ratio(row) * 100, row->p50_ms,
			row->p99_ms, row->memory_kb);
		if (row->outage.invocations)
			fprintf(out,
				"    source down, of these %7" PRIu64 " %6" PRIu64
				"   answered with a stale value: %" PRIu64 "\n",
				row->outage.invocations, row->outage.failed, row->outage.stale);
	}
	fputs("\nhit ratio: invocations served without an upstream open (1, 2) or query (3, 4, 5). "
	      "failed: in\n"
	      "progress in the environment that was killed half-way; and while the source of the "
	      "flags is down,\n"
	      "for the last tenth of their invocations. memory: the largest of one "
	      "environment.\n",
		out);
}
