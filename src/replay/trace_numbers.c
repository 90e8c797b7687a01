/* Little-endian 32-bit numbers, which may cross the end of a piece. A number that is cut off, or
 * a count of sizes or costs other than the count of requests, shows that the file has another
 * format, and is refused. */
#include "replay/trace_readers.h"

#include "base/error.h"

#include <stdlib.h>

struct numbers {
	struct sci_source *source;
	const unsigned char *data; /* the current piece: `at` of its `len` bytes are read */
	size_t at, len;
	uint64_t count; /* numbers read */
};

static void show(struct sci_replay_bar *bar, const struct sci_source *source)
{
	uint64_t done, total;

	sci_source_position(source, &done, &total);
	sci_replay_bar_at(bar, done, total);
}

/* Returns 1 with *number set, 0 at the end, or a failure. */
static int next_number(struct numbers *numbers, struct sci_replay_bar *bar, uint32_t *number,
	struct sc_error *error)
{
	uint32_t value = 0;

	for (unsigned taken = 0; taken < 4; taken++) {
		if (numbers->at == numbers->len) {
			int rc = sci_source_next(numbers->source, &numbers->data, &numbers->len,
				error);
			numbers->at = 0;
			if (rc < 0)
				return rc;
			if (numbers->len == 0 && taken > 0)
				return sci_error_set(error, SC_E_INVAL, 0,
					"%s: %u of 4 bytes are left over after %llu numbers",
					sci_source_name(numbers->source), taken,
					(unsigned long long)numbers->count);
			if (numbers->len == 0)
				return 0;
			if (numbers->count == 0 && taken == 0) {
				rc = sci_trace_check_kind(numbers->source, numbers->data,
					numbers->len, SCI_TRACE_U32, error);
				if (rc < 0)
					return rc;
			}
			show(bar, numbers->source);
		}
		value |= (uint32_t)numbers->data[numbers->at++] << (8 * taken);
	}
	numbers->count++;
	*number = value;
	return 1;
}

int sci_trace_read_numbers(struct sci_trace_builder *builder, struct sc_error *error)
{
	struct numbers numbers = { .source = builder->source };
	uint32_t key;
	int rc;

	while ((rc = next_number(&numbers, builder->bar, &key, error)) == 1) {
		rc = sci_trace_add(builder, &key, sizeof key, (struct sci_trace_facts){ 0 }, error);
		if (rc < 0)
			break;
	}
	return rc;
}

static int read_facts(struct numbers *numbers, struct sci_trace_builder *builder, const char *what,
	uint32_t *facts, struct sc_error *error)
{
	const struct sci_trace *trace = builder->trace;
	uint32_t beyond;
	int rc = 1;

	for (uint32_t i = 0; i < trace->requests && rc == 1; i++)
		rc = next_number(numbers, builder->bar, &facts[i], error);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return sci_error_set(error, SC_E_INVAL, 0,
			"%s: ends after %llu %s, and %s has %lu requests",
			sci_source_name(numbers->source), (unsigned long long)numbers->count, what,
			sci_source_name(builder->source), (unsigned long)trace->requests);
	rc = next_number(numbers, builder->bar, &beyond, error);
	if (rc == 1)
		return sci_error_set(error, SC_E_INVAL, 0,
			"%s: has more %s than the %lu requests of %s",
			sci_source_name(numbers->source), what, (unsigned long)trace->requests,
			sci_source_name(builder->source));
	return rc;
}

int sci_trace_read_facts(struct sci_trace_builder *builder, const char *path, const char *what,
	uint32_t **facts, struct sc_error *error)
{
	struct numbers numbers = { 0 };

	int rc = sci_source_open(&numbers.source, path, error);
	if (rc < 0)
		return rc;
	*facts = malloc((size_t)builder->trace->requests * sizeof **facts);
	if (*facts)
		rc = read_facts(&numbers, builder, what, *facts, error);
	else
		rc = sci_error_set(error, SC_E_NOMEM, 0, "no memory for the %s of %s", what, path);
	sci_source_close(numbers.source);
	return rc;
}
