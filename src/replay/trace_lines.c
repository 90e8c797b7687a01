/* A key on each line, or in a column of comma-separated values (RFC 4180: a field in quotes may
 * hold commas, line ends, and quotes that are written twice). A record is never longer than
 * SCI_TRACE_LINE_MAX, so one buffer of that size is all that reading takes; fields are cut out of
 * it in place. */
#include "replay/trace_readers.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct lines {
	struct sci_trace_builder *builder;
	const unsigned char *data; /* the current piece: `at` of its `len` bytes are read */
	size_t at, len;
	uint64_t line, next_line;            /* of this record, and of the next; from 1 */
	char record[SCI_TRACE_LINE_MAX + 1]; /* one more for a carriage return */
	size_t record_len;
	char delimiter;
	bool begun; /* the first piece has been checked */
	bool whole; /* the record's line is read to its end */
	bool bad;   /* the record was refused */
};

struct field {
	const char *text; /* NULL: there is no such column */
	size_t len;
};

static int refuse(struct lines *lines, struct sc_error *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Refuse the line, with its file and number and this message. */
static int refuse(struct lines *lines, struct sc_error *error, const char *format, ...)
{
	char what[128];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	lines->bad = true;
	return sci_error_set(error, SC_E_INVAL, 0, "%s:%llu: %s",
		sci_source_name(lines->builder->source), (unsigned long long)lines->line, what);
}

/* Returns 1 with *byte set, 0 at the end, or a failure. */
static int next_byte(struct lines *lines, char *byte, struct sc_error *error)
{
	if (lines->at == lines->len) {
		struct sci_source *source = lines->builder->source;
		uint64_t done, total;
		int rc = sci_source_next(source, &lines->data, &lines->len, error);
		lines->at = 0;
		if (rc < 0)
			return rc;
		if (lines->len == 0)
			return 0;
		if (!lines->begun)
			rc = sci_trace_check_kind(source, lines->data, lines->len,
				lines->builder->options->format, error);
		lines->begun = true;
		if (rc < 0)
			return rc;
		sci_source_position(source, &done, &total);
		sci_replay_bar_at(lines->builder->bar, done, total);
	}
	*byte = (char)lines->data[lines->at++];
	return 1;
}

/* A quote begins or ends a quoted field, or is one of two inside it. */
static bool quote_belongs(const struct lines *lines, bool quoted)
{
	if (quoted || lines->record_len == 0)
		return true;
	char before = lines->record[lines->record_len - 1];
	return before == lines->delimiter || before == '"';
}

/* The byte order mark, which some editors put before UTF-8, is not a part of the first line. */
static bool is_mark(const struct lines *lines)
{
	return lines->line == 1 && lines->record_len == 3 &&
		memcmp(lines->record, "\xef\xbb\xbf", 3) == 0;
}

/* Read up to the end of a line that is not inside quotes. Returns 1, 0 at the end, or a failure. */
static int next_record(struct lines *lines, bool quotes, struct sc_error *error)
{
	bool quoted = false;
	char byte = 0;
	int rc;

	lines->record_len = 0;
	lines->whole = false;
	lines->line = lines->next_line;
	while ((rc = next_byte(lines, &byte, error)) == 1) {
		lines->next_line += byte == '\n';
		if (byte == '\n' && !quoted)
			break;
		if (byte == '"' && quotes) {
			if (!quote_belongs(lines, quoted))
				return refuse(lines, error,
					"a quote inside a field without quotes");
			quoted = !quoted;
		}
		if (lines->record_len == sizeof lines->record)
			return refuse(lines, error, "longer than %d bytes", SCI_TRACE_LINE_MAX);
		lines->record[lines->record_len++] = byte;
		if (is_mark(lines))
			lines->record_len = 0;
	}
	lines->whole = true;
	if (rc < 0 || (rc == 0 && lines->record_len == 0))
		return rc;
	if (quoted)
		return refuse(lines, error, "a quote that is not closed");
	if (lines->record_len > 0 && lines->record[lines->record_len - 1] == '\r')
		lines->record_len--;
	if (lines->record_len > SCI_TRACE_LINE_MAX)
		return refuse(lines, error, "longer than %d bytes", SCI_TRACE_LINE_MAX);
	return 1;
}

/* Return the field at *at, unquoted in place, and move *at to its end. */
static struct field cut_field(struct lines *lines, size_t *at)
{
	char *text = lines->record + *at;
	size_t left = lines->record_len - *at, in = 0, out = 0;
	bool quoted = left > 0 && text[0] == '"';

	for (in = quoted; in < left; in++) {
		if (quoted && text[in] == '"') {
			if (in + 1 == left || text[in + 1] != '"') {
				in++;
				break;
			}
			in++;
		} else if (!quoted && text[in] == lines->delimiter) {
			break;
		}
		text[out++] = text[in];
	}
	*at += in;
	return (struct field){ text, out };
}

/* The fields of a record that are used. */
struct fields {
	struct field key, size, cost;
};

/* Find the fields in the record. */
static int split(struct lines *lines, struct fields *fields, struct sc_error *error)
{
	const struct sci_trace_options *options = lines->builder->options;
	size_t at = 0;

	*fields = (struct fields){ 0 };
	for (unsigned column = 1; column <= SCI_TRACE_COLUMN_MAX; column++) {
		struct field field = cut_field(lines, &at);
		if (column == options->column)
			fields->key = field;
		if (column == options->size_column)
			fields->size = field;
		if (column == options->cost_column)
			fields->cost = field;
		if (at == lines->record_len)
			break;
		if (lines->record[at++] != lines->delimiter)
			return refuse(lines, error, "column %u goes on after its closing quote",
				column);
	}
	unsigned missing = !fields->key.text                 ? options->column
		: options->size_column && !fields->size.text ? options->size_column
		: options->cost_column && !fields->cost.text ? options->cost_column
							     : 0;
	return missing ? refuse(lines, error, "there is no column %u", missing) : 0;
}

/* Read the number in this column's field, if the options name the column; `kind` describes it in
 * messages. */
static int read_number(struct lines *lines, struct field field, unsigned column, const char *kind,
	uint32_t *out, struct sc_error *error)
{
	bool valid = field.len > 0, size = column == lines->builder->options->size_column;
	uint64_t number = 0;

	if (!column)
		return 0;
	for (size_t i = 0; i < field.len && valid; i++) {
		valid = field.text[i] >= '0' && field.text[i] <= '9';
		number = number * 10 + (uint64_t)(field.text[i] - '0');
		/* A size larger than any cache is valid; it must not overflow. */
		if (size && number > SCI_TRACE_TOO_LARGE)
			number = SCI_TRACE_TOO_LARGE;
		valid &= number <= UINT32_MAX;
	}
	if (!valid && size)
		return refuse(lines, error, "column %u is not %s", column, kind);
	if (!valid)
		return refuse(lines, error, "column %u is not %s up to %lu", column, kind,
			(unsigned long)UINT32_MAX);
	*out = (uint32_t)number;
	return 0;
}

static int add_record(struct lines *lines, struct sc_error *error)
{
	const struct sci_trace_options *options = lines->builder->options;
	struct fields fields = { .key = { lines->record, lines->record_len } };
	struct sci_trace_facts facts = { 0 };

	if (lines->record_len == 0)
		return refuse(lines, error, "the line is empty");
	if (memchr(lines->record, '\0', lines->record_len))
		return refuse(lines, error, "there is a NUL byte in it, so it is not text");
	int rc = options->format == SCI_TRACE_CSV ? split(lines, &fields, error) : 0;
	if (rc < 0)
		return rc;
	if (fields.key.len == 0)
		return refuse(lines, error, "the key is empty");
	rc = read_number(lines, fields.size, options->size_column,
		"a size, a whole number of bytes", &facts.size, error);
	if (rc < 0)
		return rc;
	rc = read_number(lines, fields.cost, options->cost_column, "a cost, a whole number",
		&facts.cost, error);
	if (rc < 0)
		return rc;
	return sci_trace_add(lines->builder, fields.key.text, fields.key.len, facts, error);
}

/* The result for next_record()'s caller: 1 unless `rc` is a failure. */
static int taken(int rc)
{
	return rc < 0 ? rc : 1;
}

/* Count the refused record, and skip to the next line. Returns 1 or a failure. */
static int skip_record(struct lines *lines, struct sc_error *error)
{
	char byte = 0;
	int rc = 1;

	lines->bad = false;
	lines->builder->trace->skipped_lines++;
	while (!lines->whole && byte != '\n' && (rc = next_byte(lines, &byte, error)) == 1)
		lines->next_line += byte == '\n';
	return taken(rc);
}

int sci_trace_read_lines(struct sci_trace_builder *builder, struct sc_error *error)
{
	const struct sci_trace_options *options = builder->options;
	struct lines lines = {
		.builder = builder,
		.next_line = 1,
		.delimiter = ',',
	};
	bool csv = options->format == SCI_TRACE_CSV, header = csv && options->header;
	int rc = 1;

	if (options->delimiter)
		lines.delimiter = options->delimiter;
	while (rc == 1) {
		rc = next_record(&lines, csv, error);
		if (rc == 1 && !header)
			rc = taken(add_record(&lines, error));
		header = false;
		if (rc < 0 && lines.bad && options->skip_bad_lines)
			rc = skip_record(&lines, error);
	}
	return rc;
}
