/* A trace: a sequence of requested keys, with the sizes and the costs of their values. */
#ifndef SCI_REPLAY_TRACE_H
#define SCI_REPLAY_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#define SCI_TRACE_REQUESTS_MAX (UINT32_MAX - 1)
#define SCI_TRACE_LINE_MAX     65536
#define SCI_TRACE_COLUMN_MAX   10000

enum sci_trace_format {
	SCI_TRACE_U32,   /* a key is a little-endian 32-bit number */
	SCI_TRACE_TEXT,  /* a key is a line */
	SCI_TRACE_CSV,   /* a key is a field of a line, and so may a size and a cost be */
	SCI_TRACE_ORACLE /* libCacheSim's oracleGeneral: a time, a key, a size, the next use */
};

/* The length of such a record: 4, 8, 4 and 8 bytes. */
#define SCI_TRACE_ORACLE_BYTES 24

/* Stands for every size of 4 GiB or more: no replayed cache can hold such a value. */
#define SCI_TRACE_TOO_LARGE UINT32_MAX

struct sci_trace_options {
	enum sci_trace_format format;
	const char
		*sizes; /* u32: a file with a little-endian 32-bit size for each request, or NULL */
	const char *costs;    /* the same of costs */
	unsigned column;      /* csv: of the key, from 1 */
	unsigned size_column; /* csv: of the size, or 0 */
	unsigned cost_column; /* csv: of the cost, or 0 */
	bool header;          /* csv: the first line is not a request */
	char delimiter;       /* csv: what is between fields, or 0 for a comma */
	bool skip_bad_lines;  /* text, csv: count lines that are no request, and go on */
};

struct sci_trace {
	const char *path;   /* as it was given, borrowed */
	uint32_t *keys;     /* of each request, numbered as they first appeared */
	uint32_t *sizes;    /* of each request's value in bytes, or NULL */
	uint32_t *costs;    /* of each request's value when it is missed, in any unit, or NULL */
	uint32_t requests;  /* 1 at least */
	uint32_t key_count; /* different ones */
	uint32_t largest;   /* of the sizes, but for SCI_TRACE_TOO_LARGE */
	uint32_t usual;     /* about their median */
	uint64_t bytes;     /* of all sizes together */
	uint64_t cost;      /* of all costs together */
	uint64_t skipped_lines;
};

/* The size of a request's value; 0 in a trace without sizes. */
static inline uint32_t sci_trace_size(const struct sci_trace *trace, uint32_t request)
{
	return trace->sizes ? trace->sizes[request] : 0;
}

/* What a request costs when it is missed; 0 in a trace without costs. */
static inline uint32_t sci_trace_cost(const struct sci_trace *trace, uint32_t request)
{
	return trace->costs ? trace->costs[request] : 0;
}

#endif
