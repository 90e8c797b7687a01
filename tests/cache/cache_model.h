/* The model that a cache is compared with in one run, and what it expects of the cache. */
#ifndef SCT_CACHE_MODEL_H
#define SCT_CACHE_MODEL_H

#include "cache/striped_cache.h"
#include "cache/model_object.h"

#define SCT_KEYS  120
#define SCT_HOLDS 6
#define SCT_LARGE 70000 /* the length of a value that is too large for the small caches */

/* What a configuration does in addition to puts and lookups. */
enum sct_model_feature {
	SCT_HOLD = 1,
	SCT_OBJECTS = 2,
	SCT_TERMS = 4, /* puts with their own ttl and tti */
	SCT_RESIZES = 8,
	SCT_STRIPED = 16 /* striped: each stripe evicts its own least recently used entry */
};

struct sct_model_config {
	const char *name;
	uint64_t max_entries, max_bytes;
	int64_t ttl_ms, tti_ms;
	uint64_t policy;
	size_t value_max;
	unsigned features;
};

struct sct_model_hold {
	struct sc_value value;
	struct sct_entry entry;
};

struct sct_model {
	const struct sct_model_config *config;
	struct sc_cache *cache;
	uint64_t max_entries, max_bytes; /* at present */
	_Atomic int64_t now_ms;
	uint64_t random, versions;
	struct sct_naive naive;
	struct sct_model_hold holds[SCT_HOLDS];
	size_t hold_count;
	bool update_holds; /* an update pins its old value */
	bool loading_now[SCT_KEYS];
	struct sc_cache_stats expected; /* the expected statistics */
	uint64_t missed;                /* entries of the model that the cache did not have */
	unsigned depth;                 /* of nested loads */
	uint64_t lookups;
};

extern struct sct_model sct_model;

/* A random number of this run. */
uint64_t sct_model_below(uint64_t bound);
bool sct_model_has(enum sct_model_feature feature);

/* Keys of every kind. */
struct sc_key sct_model_key(int number, struct sc_part parts[3]);

/* Something new to store: a value, or an object. */
struct sct_entry sct_model_new_entry(int key);
void sct_model_assert_content(const struct sct_entry *entry, const void *data, size_t len);

/* Set the times of an entry that is stored now; 0 and SC_NO_END are for ever. */
void sct_model_set_times(struct sct_entry *entry, int64_t ttl_ms, int64_t tti_ms);

/* A random ttl or tti for one put. */
int64_t sct_model_some_time(void);

/* How many entries the cache has evicted so far. */
uint64_t sct_model_evicted(void);
bool sct_model_expires(void);

/* A value of at most this length is never too large. */
uint64_t sct_model_fitting(void);

/* Whether the model knows which entries were evicted, and not only how many. */
bool sct_model_is_exact(void);

/* If it does: drop the evicted entries, which are the least recently used ones without a pin. */
void sct_model_evict(uint64_t evicted);

bool sct_model_has_expired(const struct sct_entry *entry);

/* Whether an entry of the model may be missing in the cache. */
bool sct_model_may_miss(const struct sct_entry *entry);

/* The cache has removed the entry, so only a reference in the test keeps its object alive. */
void sct_model_assert_gone(const struct sct_entry *entry);

/* What a lookup must find, or NULL. Counts it. */
struct sct_entry *sct_model_look_up(int key, bool found);

/* Hold a value for a while, or release it. */
void sct_model_hold(struct sc_value *value, const struct sct_entry *entry);

/* Whether a value is pinned, so that a store may fail. */
bool sct_model_is_held(void);

/* A store of the entry in the cache returned `rc`, or would have. */
void sct_model_store(const struct sct_entry *entry, int rc, uint64_t evicted);

#endif
