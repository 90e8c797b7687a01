/* The results, as a table and as JSON. */
#ifndef DEMO_DEMO_TABLE_H
#define DEMO_DEMO_TABLE_H

#include "demo/row.h"

#include <stdio.h>

/* One JSON object and a newline:
 *
 *	{"rows":[{"technique","invocations","cold_starts","upstream_opens","upstream_queries",
 *	          "hit_ratio","p50_ms","p99_ms","memory_kb",
 *	          "failed","outage_invocations","outage_failed","outage_stale"}, ...]} */
void demo_print_json(FILE *out, const struct row *rows, size_t count);

/* A table with a line above each upstream's rows, and an explanation of its columns. */
void demo_print_table(FILE *out, const struct row *rows, size_t count);

#endif
