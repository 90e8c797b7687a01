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

/* An object that a test stores by its address; each test defines it. */
struct sct_object;

struct sct_entry {
	int key;
	uint64_t version;
	size_t len;
	struct sct_object *object; /* in place of a value of `len` bytes, or NULL */
	int64_t final_ms, tti_ms;  /* deadline and time to idle; 0: none */
	int64_t expires_ms;        /* from this time on it has expired */
	bool has_notes;
	int64_t fresh_until_ms, due_at_ms; /* of its notes */
	unsigned annex_words;              /* beside them */
};

struct sct_naive {
	struct sct_entry entries[SCT_NAIVE_MAX]; /* the most recently used entry is last */
	size_t count;
	struct sct_object *objects;
};

/* NULL when there is none. */
struct sct_entry *sct_naive_find(struct sct_naive *naive, int key);

void sct_naive_drop(struct sct_naive *naive, struct sct_entry *entry);

/* Store an entry now; it replaces an entry with the same key. */
struct sct_entry *sct_naive_store(struct sct_naive *naive, struct sct_entry entry, int64_t now_ms);

/* Begin the times of an entry anew, as they are set in it. */
void sct_naive_renew(struct sct_entry *entry, int64_t now_ms);

/* Use the entry now, which renews its time to idle and moves it. Returns its new address. */
struct sct_entry *sct_naive_use(struct sct_naive *naive, struct sct_entry *entry, int64_t now_ms);

#endif
