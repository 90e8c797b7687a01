/* Each allocation of a replay fails in turn: the replay fails as a whole, or its figures are right,
 * and nothing leaks. Allocations inside libzstd do not fail. */
#include "support/allocation.h"
#include "support/cmocka.h"

#include "replay/curve_plot.h"
#include "replay/replay_run.h"
#include "replay/replay_report.h"
#include "replay/trace_open.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define REQUESTS 4200u
#define KEYS     40u

/* The traces: a file of keys in a loop, a file of their sizes, and both as lines. */
static char keys_path[32], sizes_path[32], lines_path[32];

/* Make a temporary file that ends with the process, and the path to open it. */
static void make_file(char path[32], const void *data, size_t len)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fflush(file), 0);
	snprintf(path, 32, "/dev/fd/%d", fileno(file));
}

static int make_files(void **state)
{
	static unsigned char keys[REQUESTS * 4], sizes[REQUESTS * 4], packed[REQUESTS * 8];
	static char lines[REQUESTS * 16];
	size_t lines_len = 0;

	(void)state;
	for (unsigned i = 0; i < REQUESTS; i++) {
		keys[4 * (size_t)i] = (unsigned char)(i % KEYS);
		sizes[4 * (size_t)i + 1] = (unsigned char)(i % KEYS);
		lines_len += (size_t)snprintf(lines + lines_len, sizeof lines - lines_len,
			"key %u,%u\n", i % KEYS, i % KEYS * 256);
	}
	size_t packed_len = ZSTD_compress(packed, sizeof packed, keys, sizeof keys, 1);
	assert_false(ZSTD_isError(packed_len));
	make_file(keys_path, packed, packed_len);
	make_file(sizes_path, sizes, sizeof sizes);
	make_file(lines_path, lines, lines_len);
	return 0;
}

static int print_all(struct sci_buffer *out, const struct sci_replay_plan *plan,
	const struct sci_replay_figures *figures)
{
	int rc = sci_replay_print_table(out, plan, figures);
	if (rc < 0)
		return rc;
	rc = sci_replay_print_json(out, plan, figures, 1);
	return rc < 0 ? rc : sci_curve_plot(out, plan, figures, 1);
}

static void print(const struct sci_replay_plan *plan, const struct sci_replay_figures *figures)
{
	struct sci_buffer out = { 0 };

	int rc = print_all(&out, plan, figures);
	assert_true(rc == 0 || (rc == SC_E_NOMEM && sct_allocation_failed()));
	sci_buffer_fini(&out);
}

/* The trace is a loop, so all figures of lru and opt are known. */
static void check(const struct sci_replay_plan *plan, const struct sci_replay_figures *figures)
{
	assert_int_equal(figures->requests, REQUESTS);
	assert_int_equal(figures->key_count, KEYS);
	for (unsigned i = 0; i < plan->policy_count; i++) {
		assert_int_equal(sci_replay_result_of(figures, plan, 1, i)->hits, REQUESTS - KEYS);
		if (plan->policies[i] == SCI_REPLAY_LRU)
			assert_int_equal(sci_replay_result_of(figures, plan, 0, i)->hits, 0);
	}
	print(plan, figures);
}

static void replay(const char *path, const struct sci_trace_options *options,
	const struct sci_replay_plan *plan)
{
	struct sci_replay_figures figures = { 0 };
	struct sci_replay_bar bar = { 0 };
	struct sci_trace *trace = NULL;
	struct sc_error error = { 0 };

	int rc = sci_trace_open(&trace, path, options, &bar, &error);
	if (rc == 0)
		rc = sci_replay_trace(trace, plan, &bar, 0, &figures, &error);
	if (rc < 0) {
		assert_int_equal(rc, SC_E_NOMEM);
		assert_int_equal(error.code, SC_E_NOMEM);
		assert_string_not_equal(error.message, "");
		assert_true(sct_allocation_failed());
	} else {
		check(plan, &figures);
	}
	sci_replay_figures_fini(&figures);
	sci_trace_close(trace);
}

static void replay_entries(void *arg)
{
	const struct sci_trace_options options = { .format = SCI_TRACE_U32 };
	const struct sci_replay_plan plan = {
		.limits = { KEYS / 2, KEYS },
		.limit_count = 2,
		.policies = { SCI_REPLAY_ADAPTIVE, SCI_REPLAY_LRU, SCI_REPLAY_OPT },
		.policy_count = 3,
	};

	(void)arg;
	replay(keys_path, &options, &plan);
}

static void replay_bytes(void *arg)
{
	const struct sci_trace_options options = {
		.format = SCI_TRACE_U32,
		.sizes = sizes_path,
		.costs = sizes_path,
	};
	const struct sci_replay_plan plan = {
		.bytes = true,
		.limits = { 32 << 10, 1 << 20 },
		.limit_count = 2,
		.policies = { SCI_REPLAY_LRU, SCI_REPLAY_OPT },
		.policy_count = 2,
	};

	(void)arg;
	replay(keys_path, &options, &plan);
}

static void replay_lines(void *arg)
{
	const struct sci_trace_options options = {
		.format = SCI_TRACE_CSV,
		.column = 1,
		.size_column = 2,
		.cost_column = 2,
	};
	const struct sci_replay_plan plan = {
		.limits = { 1, KEYS },
		.limit_count = 2,
		.policies = { SCI_REPLAY_LRU },
		.policy_count = 1,
	};

	(void)arg;
	replay(lines_path, &options, &plan);
}

static void entries_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(replay_entries, NULL);
}

static void bytes_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(replay_bytes, NULL);
}

static void lines_without_memory(void **state)
{
	(void)state;
	sct_fail_each_allocation(replay_lines, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_without_memory),
		cmocka_unit_test(bytes_without_memory),
		cmocka_unit_test(lines_without_memory),
	};
	return cmocka_run_group_tests(tests, make_files, NULL);
}
