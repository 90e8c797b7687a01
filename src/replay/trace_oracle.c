/* The format in which libCacheSim and the public collections of traces keep requests: records of 24
 * bytes, little-endian and without gaps, of a time in seconds (32 bits), a key (64), the size of
 * its value (32) and the number of the next request for the key (64), which the optimum here finds
 * by itself. */
#include "replay/trace_readers.h"

#include "base/error.h"

#include <string.h>

#define KEY_AT  4
#define SIZE_AT 12

static uint32_t little_endian(const unsigned char *data)
{
	return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
		(uint32_t)data[3] << 24;
}

static int add_record(struct sci_trace_builder *builder, const unsigned char *record,
	struct sc_error *error)
{
	struct sci_trace_facts facts = { .size = little_endian(record + SIZE_AT) };

	return sci_trace_add(builder, record + KEY_AT, SIZE_AT - KEY_AT, facts, error);
}

static void show(struct sci_trace_builder *builder)
{
	uint64_t done, total;

	sci_source_position(builder->source, &done, &total);
	sci_replay_bar_at(builder->bar, done, total);
}

int sci_trace_read_oracle(struct sci_trace_builder *builder, struct sc_error *error)
{
	unsigned char record[SCI_TRACE_ORACLE_BYTES];
	const unsigned char *data;
	size_t len, held = 0;
	int rc;

	while ((rc = sci_source_next(builder->source, &data, &len, error)) == 0 && len > 0) {
		if (builder->trace->requests == 0 && held == 0)
			rc = sci_trace_check_kind(builder->source, data, len, SCI_TRACE_ORACLE,
				error);
		while (rc == 0 && len > 0) {
			size_t part = sizeof record - held < len ? sizeof record - held : len;
			memcpy(record + held, data, part);
			data += part;
			len -= part;
			held += part;
			if (held < sizeof record)
				break;
			held = 0;
			rc = add_record(builder, record, error);
		}
		if (rc < 0)
			return rc;
		show(builder);
	}
	if (rc < 0 || held == 0)
		return rc;
	return sci_error_set(error, SC_E_INVAL, 0,
		"%s: %zu of %d bytes are left over after %lu records",
		sci_source_name(builder->source), held, SCI_TRACE_ORACLE_BYTES,
		(unsigned long)builder->trace->requests);
}
