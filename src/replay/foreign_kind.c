/* Any bytes can be read as numbers, and most as lines, so a file of another format would give
 * meaningless figures. A file is refused when its magic number is that of another format, or when
 * it is read as numbers and looks like text or like records of libCacheSim. */
#include "replay/foreign_kind.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* This many records, or all of a shorter file, must look like libCacheSim's. */
#define ORACLE_LEAST 4
#define ORACLE_MOST  64

/* With fewer bytes, numbers may look like text by chance. */
#define TEXT_LEAST 16

struct kind {
	const char *magic;
	size_t len;
	const char *what;
};

#define KIND(magic, what)                                                                          \
	{                                                                                          \
		(magic), sizeof(magic) - 1, (what)                                                 \
	}

static const struct kind kinds[] = {
	KIND("BZh", "is compressed with bzip2: decompress it first"),
	KIND("\x04\x22\x4d\x18", "is compressed with lz4: decompress it first"),
	KIND("\x37\x7a\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first"),
	KIND("PK\x03\x04", "is a zip archive: unpack it first"),
	KIND("LZIP", "is compressed with lzip: decompress it first"),
	KIND("\xff\x06\0\0sNaPpY", "is compressed with snappy: decompress it first"),
	KIND("PAR1", "is a Parquet file: export it as csv"),
	KIND("ORC", "is an ORC file: export it as csv"),
	KIND("Obj\x01", "is an Avro file: export it as csv"),
	KIND("SQLite format 3", "is an SQLite database: export it as csv"),
	KIND("\x7f"
	     "ELF",
		"is a program"),
	KIND("%PDF", "is a PDF document"),
	KIND("\x89PNG", "is a picture"),
};

static const struct kind encodings[] = {
	KIND("\xff\xfe\0\0", "is text in UTF-32: convert it to UTF-8"),
	KIND("\0\0\xfe\xff", "is text in UTF-32: convert it to UTF-8"),
	KIND("\xff\xfe", "is text in UTF-16: convert it to UTF-8"),
	KIND("\xfe\xff", "is text in UTF-16: convert it to UTF-8"),
};

static const char *find(const struct kind *list, size_t count, const unsigned char *data,
	size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (len >= list[i].len && memcmp(data, list[i].magic, list[i].len) == 0)
			return list[i].what;
	return NULL;
}

static bool is_text(const unsigned char *data, size_t len)
{
	bool lines = false;

	for (size_t i = 0; i < len; i++) {
		bool blank = data[i] == '\n' || data[i] == '\r' || data[i] == '\t';
		if (!blank && (data[i] < ' ' || data[i] > '~'))
			return false;
		lines |= data[i] == '\n';
	}
	return lines && len >= TEXT_LEAST;
}

static uint64_t number(const unsigned char *data, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | data[bytes];
	return value;
}

/* Whether `next` can be the number of the next request for this key: a later request, for the same
 * key if it is in the data; or never, which is the largest number or -1. */
static bool is_next(const unsigned char *data, size_t count, size_t at)
{
	const unsigned char *record = data + at * SCI_TRACE_ORACLE_BYTES;
	uint64_t next = number(record + 16, 8);

	if (next == UINT64_MAX || next == INT64_MAX)
		return true;
	if (next <= at || next > SCI_TRACE_REQUESTS_MAX)
		return false;
	return next >= count ||
		memcmp(data + next * SCI_TRACE_ORACLE_BYTES + 4, record + 4, 8) == 0;
}

/* Times never decrease, and each next request is for the same key: a file of 32-bit numbers never
 * satisfies both. */
static bool is_oracle(const unsigned char *data, size_t len)
{
	size_t count = len / SCI_TRACE_ORACLE_BYTES;
	uint64_t before = 0;

	if (count < ORACLE_LEAST)
		return false;
	for (size_t i = 0; i < count && i < ORACLE_MOST; i++) {
		uint64_t at = number(data + i * SCI_TRACE_ORACLE_BYTES, 4);
		if (at < before || at == UINT32_MAX || !is_next(data, count, i))
			return false;
		before = at;
	}
	return true;
}

const char *sci_foreign_kind(const unsigned char *data, size_t len, enum sci_trace_format format)
{
	const char *what = find(kinds, sizeof kinds / sizeof *kinds, data, len);

	if (what)
		return what;
	switch (format) {
	case SCI_TRACE_U32:
		if (is_text(data, len))
			return "is text: give --format text or csv";
		if (is_oracle(data, len))
			return "has records of libCacheSim: give --format oracleGeneral";
		return NULL;
	case SCI_TRACE_ORACLE:
		if (is_text(data, len))
			return "is text: give --format text or csv";
		return NULL;
	case SCI_TRACE_TEXT:
	case SCI_TRACE_CSV:
		what = find(encodings, sizeof encodings / sizeof *encodings, data, len);
		if (!what && memchr(data, '\0', len))
			what = "has NUL bytes, so it is not text in UTF-8";
		return what;
	}
	return NULL;
}
