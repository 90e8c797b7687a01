/* A file as a trace: the first byte selects the format. Keys must be numbered by first appearance,
 * and the optimum with space for all keys must miss each key once. */
#define _GNU_SOURCE /* memfd_create() */
#include "fuzz.h"

#include "replay/belady.h"
#include "replay/byte_bound.h"
#include "replay/trace_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The path of a file that holds `data`. */
static const char *file_of(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("trace", 0);
		check(fd >= 0);
		snprintf(path, sizeof path, "/dev/fd/%d", fd);
	}
	check(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

static void check_trace(const struct sci_trace *trace)
{
	uint32_t known = 0;
	uint64_t bytes = 0;
	bool too_large = false;

	check(trace->requests > 0);
	for (uint32_t i = 0; i < trace->requests; i++) {
		check(trace->keys[i] <= known);
		known += trace->keys[i] == known;
		bytes += sci_trace_size(trace, i);
		check(sci_trace_size(trace, i) <= trace->largest ||
			sci_trace_size(trace, i) == SCI_TRACE_TOO_LARGE);
		too_large |= sci_trace_size(trace, i) == SCI_TRACE_TOO_LARGE;
	}
	check(known == trace->key_count && bytes == trace->bytes);
	check(too_large || trace->usual <= trace->largest);
}

static void check_optimum(const struct sci_trace *trace)
{
	const uint64_t limits[] = { 100, UINT64_C(1) << 34 },
		       again = trace->requests - trace->key_count;
	struct sci_replay_result some, all, bounds[2];
	struct sci_replay_bar bar = { 0 };
	struct sci_belady *belady;

	if (sci_belady_open(&belady, trace, NULL) < 0)
		return;
	sci_belady_replay(belady, 2, &bar, &some);
	sci_belady_replay(belady, trace->key_count, &bar, &all);
	sci_belady_close(belady);
	check(some.hits <= all.hits && all.hits == again);
	if (sci_byte_bound(trace, limits, 2, bounds, 1, NULL) < 0)
		return;
	check(bounds[0].hits <= bounds[1].hits && bounds[0].hit_bytes <= bounds[1].hit_bytes);
	if (trace->bytes <= limits[1])
		check(bounds[1].hits == again && bounds[1].hit_bytes == all.hit_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sci_trace_options forms[] = {
		{ .format = SCI_TRACE_U32 },
		{ .format = SCI_TRACE_TEXT },
		{ .format = SCI_TRACE_CSV, .column = 1, .size_column = 2 },
		{ .format = SCI_TRACE_CSV, .column = 2, .cost_column = 1, .header = true },
		{ .format = SCI_TRACE_ORACLE },
		{ .format = SCI_TRACE_CSV,
			.column = 1,
			.size_column = 2,
			.delimiter = ';',
			.skip_bad_lines = true },
		{ .format = SCI_TRACE_TEXT, .skip_bad_lines = true },
	};
	struct sci_replay_bar bar = { 0 };
	struct sci_trace *trace;
	struct sc_error error = { 0 };

	if (size == 0)
		return 0;
	const char *path = file_of(data + 1, size - 1);
	int rc = sci_trace_open(&trace, path, &forms[data[0] % (sizeof forms / sizeof *forms)],
		&bar, &error);
	check(rc == 0 || (rc == error.code && error.message[0] && !trace));
	if (rc == 0) {
		check_trace(trace);
		check_optimum(trace);
	}
	sci_trace_close(trace);
	return 0;
}
