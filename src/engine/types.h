/* Types that the engine's callers and its own files share: keys, offsets, contents and results. */
#ifndef SCI_ENGINE_TYPES_H
#define SCI_ENGINE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sci_shard;

/* A shard and its parts begin on cache lines. */
#define SCI_SHARD_ALIGN 64

/* The deadline of an entry without one. */
#define SCI_NEVER INT64_MAX

enum sci_policy {
	SCI_POLICY_COUNTED, /* the adaptive policy */
	SCI_POLICY_LRU      /* exact LRU order */
};

/* A key and its hash. */
struct sci_name {
	const void *key;
	size_t len;
	uint64_t hash;
	/* Not NULL: the key as it is laid out in a record, which compares faster: in whole words,
	 * its first four bytes in the upper half of the first, and zeros behind its end. */
	const uint64_t *words;
};

/* A name by value, for lookups that compare its first words. */
struct sci_quick_name {
	uint64_t hash;
	size_t len;
	uint32_t first; /* the upper half of the first word */
	uint64_t second, third;
	const uint64_t *words; /* all words, if there are more than these; else NULL */
};

/* The offset of a record, in units. Valid while it is pinned, or until the next call that changes
 * the shard. */
typedef uint32_t sci_offset;

/* The first member of an object that the shard stores: a link for the list of removed objects. */
struct sci_object_link {
	struct sci_object_link *next;
};

/* What the shard's owner notes with an entry. Of these words the engine reads the first alone:
 * lookups without the lock leave an entry that is not fresh to one with the lock. */
struct sci_notes {
	int64_t fresh_until_ms;
	int64_t stored_ms;
	int64_t due_at_ms;
	int64_t revalidate_until_ms;
	uint64_t tag; /* the lowest SCI_NOTES_TAG_SHIFT bits are the engine's */
};

#define SCI_NOTES_TAG_SHIFT 8

/* The most words of an annex: what the owner keeps with an entry with notes beside its value. */
#define SCI_ANNEX_WORDS_MAX 31u

/* What was found: a value, aligned to 8 bytes, or an object. */
struct sci_found {
	void *value;
	size_t len;
	struct sci_object_link *object; /* NULL: it is a value */
	sci_offset offset;
	bool has_notes;
	/* Set if it has them. */
	struct sci_notes notes;
	const uint64_t *annex;
	unsigned annex_words;
};

enum sci_lookup { SCI_LOOKUP_MISS, SCI_LOOKUP_HIT, SCI_LOOKUP_EXPIRED };

enum sci_store_result {
	SCI_STORE_OK,
	SCI_STORE_TOO_LARGE, /* larger than the log */
	SCI_STORE_NO_ROOM    /* pinned records leave no room */
};

/* What is stored: a value, which is copied, or the address of an object. */
struct sci_content {
	const void *value;
	size_t len;
	struct sci_object_link *object; /* instead of a value, if not NULL */
	uint64_t weight;                /* of an object, in bytes beside its record */
	int64_t expires_ms;             /* SCI_NEVER: no deadline */
	int64_t idle_ms;                /* expires after so long without a use; 0: no idle time */
	uint32_t cost;                  /* of loading it again, in any unit; 0: unknown */
	const struct sci_notes *notes;  /* NULL: none, and no annex */
	const uint64_t *annex;
	unsigned annex_words; /* at most SCI_ANNEX_WORDS_MAX */
};

#endif
