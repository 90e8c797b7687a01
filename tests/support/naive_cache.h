/* The model that the engine and the cache are compared with: an array of entries in the order of
 * use. It evicts nothing by itself and counts no bytes; the test tells it which entries are
 * gone. */
#ifndef SCT_NAIVE_CACHE_H
#define SCT_NAIVE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCT_NAIVE_MAX 512
#define SCT_NEVER     INT64_MAX

/* What a test stores by its address; each test defines its own. */
struct sct_object;

struct sct_entry {
	int key;
	uint64_t version;
	size_t len;
	struct sct_object *object; /* in place of a value of `len` bytes, or NULL */
	int64_t final_ms, tti_ms;  /* a deadline, and a time to idle; 0: none */
	int64_t expires_ms;        /* from this time on it has expired */
	bool has_notes;
	int64_t fresh_until_ms, retry_at_ms; /* its notes */
};

struct sct_naive {
	struct sct_entry entries[SCT_NAIVE_MAX]; /* the one used last comes last */
	size_t count;
	struct sct_object *objects;
};

/* NULL when there is none. */
struct sct_entry *sct_naive_find(struct sct_naive *naive, int key);

void sct_naive_drop(struct sct_naive *naive, struct sct_entry *entry);

/* Add an entry that is stored now, in place of any other with its key. */
struct sct_entry *sct_naive_store(struct sct_naive *naive, struct sct_entry entry, int64_t now_ms);

/* The entry is used now, which renews its time to idle. Returns where it is then. */
struct sct_entry *sct_naive_use(struct sct_naive *naive, struct sct_entry *entry, int64_t now_ms);

#endif
