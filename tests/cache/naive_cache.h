/* A reference cache: an array of entries in order of use. It does not evict by itself and counts no
 * bytes; the test tells it which entries were removed. */
#ifndef SCT_NAIVE_CACHE_H
#define SCT_NAIVE_CACHE_H

#include <scopecache/cache.h>

#define SCT_NAIVE_MAX 128
#define SCT_NEVER     INT64_MAX

/* Something that is stored by its address, and counts how often it is freed. */
struct sct_object {
	uint64_t version;
	unsigned references; /* of the test */
	bool is_given;       /* the cache has to free it */
	bool is_freed;
	struct sct_object *older; /* all of a run */
};

struct sct_entry {
	int key;
	uint64_t version;
	size_t len;
	struct sct_object *object; /* in place of a value of `len` bytes; then it weighs that */
	int64_t final_ms, tti_ms;  /* a deadline, and how long it lives unused; 0: no matter */
	int64_t expires_ms;        /* at this time it is there no more */
};

struct sct_naive {
	struct sct_entry entries[SCT_NAIVE_MAX]; /* the one used last comes last */
	size_t count;
	struct sct_object *objects;
};

/* NULL when there is none. */
struct sct_entry *sct_naive_find(struct sct_naive *naive, int key);

void sct_naive_drop(struct sct_naive *naive, struct sct_entry *entry);

/* Add an entry that is stored now, in the place of what its key had. */
struct sct_entry *sct_naive_store(struct sct_naive *naive, struct sct_entry entry, int64_t now_ms);

/* The entry is used now, and lives on. Returns where it is then. */
struct sct_entry *sct_naive_use(struct sct_naive *naive, struct sct_entry *entry, int64_t now_ms);

/* An object of this version, not yet given to the cache. */
struct sct_object *sct_object_open(struct sct_naive *naive, uint64_t version);

/* What the cache is given, with sct_object_free() as its free function. */
struct sc_object sct_object_for_cache(struct sct_object *object, uint64_t weight);
void sct_object_free(void *pointer, void *context);

/* Whether the cache certainly has it: it was given, is not freed, and the test has no reference. */
bool sct_object_is_there(const struct sct_object *object);

/* Every object that was given was freed. Frees them all. */
void sct_objects_close(struct sct_naive *naive);

#endif
