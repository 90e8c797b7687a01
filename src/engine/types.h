/* What callers of the engine and its files both speak of: keys, records, what is stored and what is found. */
#ifndef SCI_ENGINE_TYPES_H
#define SCI_ENGINE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sci_shard;

/* A shard begins on a cache line, and so do its parts. */
#define SCI_SHARD_ALIGN 64

/* The deadline of an entry without one. */
#define SCI_NEVER INT64_MAX

enum sci_policy {
	SCI_POLICY_COUNTED, /* the counted ghost: the best hit ratio */
	SCI_POLICY_LRU      /* exact order of use */
};

/* A key and its hash. */
struct sci_name {
	const void *key;
	size_t len;
	uint64_t hash;
	/* Not NULL: the key is also laid out as in a record, which is compared faster: in whole words, its
	 * first four bytes in the upper half of the first, and zeros behind its end. */
	const uint64_t *words;
};

/* A name by value, for lookups that look at its first words only. */
struct sci_quick_name {
	uint64_t hash;
	size_t len;
	uint32_t first; /* the upper half of the first word */
	uint64_t second, third;
	const uint64_t *words; /* all of them, if these three are not all; else NULL */
};

/* Where a record is: valid as long as it is pinned, or until the next call that changes the shard. */
typedef uint32_t sci_offset;

/* An object that has left the shard, at the beginning of a struct of the caller's. */
struct sci_object_link {
	struct sci_object_link *next;
};

/* What was found: a value, aligned to 8 bytes, or an object. */
struct sci_found {
	void *value;
	size_t len;
	struct sci_object_link *object; /* NULL: it is a value */
	sci_offset offset;
};

enum sci_lookup { SCI_LOOKUP_MISS, SCI_LOOKUP_HIT, SCI_LOOKUP_EXPIRED };

enum sci_store_result {
	SCI_STORE_OK,
	SCI_STORE_TOO_LARGE, /* larger than the log can ever hold */
	SCI_STORE_NO_ROOM    /* pinned records leave no room */
};

/* What is stored: a value that is copied, or an object that the shard keeps the address of. */
struct sci_content {
	const void *value;
	size_t len;
	struct sci_object_link *object; /* in place of a value, if not NULL */
	uint64_t weight;    /* what an object weighs, in bytes beside its record's own */
	int64_t expires_ms; /* SCI_NEVER if it does not */
	int64_t idle_ms;    /* expires as long after its last use; 0: it does not */
	uint32_t cost;      /* of making it anew, in any unit; 0: not known */
};

#endif
