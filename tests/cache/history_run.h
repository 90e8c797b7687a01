/* A run: several threads make random calls of every kind to one cache and record each call with its
 * result as an event. Threads check with sct_check(), which ends the process. */
#ifndef SCT_HISTORY_RUN_H
#define SCT_HISTORY_RUN_H

#include "cache/cache_fixture.h"
#include "cache/history.h"
#include "support/random.h"
#include "support/threads.h"

#if defined(__SANITIZE_THREAD__)
#define SCT_UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SCT_UNDER_TSAN
#endif
#endif

#define SCT_THREADS    6
#define SCT_HELD_MAX   2
#define SCT_VALUE_MAX  4096 /* after its header */
#define SCT_CLOCK_BITS 8    /* 2^SCT_CLOCK_BITS stamps are one millisecond */

/* The properties of a scenario. */
enum sct_trait {
	SCT_LOSSLESS = 1,    /* nothing is evicted, so no entry may be missing */
	SCT_CLEARS = 2,      /* clears the cache now and then */
	SCT_RACES = 4,       /* gets and puts only, and more of them */
	SCT_RESIZES = 8,     /* resizes and maintains */
	SCT_OBJECTS = 16,    /* some values are objects */
	SCT_MAINTAINER = 32, /* one thread only resizes, maintains and clears */
	SCT_STRIPED = 64     /* the cache is striped */
};

struct sct_scenario {
	const char *name;
	struct sc_cache_options options;
	unsigned hot, cold; /* keys: four of five calls go to the hot ones */
	size_t value_max;
	unsigned traits;
};

struct sct_held {
	struct sc_value value;
	uint32_t key;
	uint64_t id;
};

/* How often and when an object was freed. */
struct sct_free_record {
	bool is_object;
	atomic_uint frees;
	_Atomic uint64_t freed; /* a stamp */
};

/* The state of one thread; other threads write only the free records of its objects. */
struct sct_caller {
	unsigned number;
	uint64_t random, written;
	struct sct_event *events;
	size_t count, capacity;
	struct sct_free_record *free_records; /* by the number of the value */
	struct sct_held held[SCT_HELD_MAX];
	unsigned char bytes[SCT_VALUE_MAX + 64];
};

struct sct_run {
	const struct sct_scenario *scenario;
	struct sc_cache *cache;
	long operations;
	atomic_uint empty_put; /* keys from this one on had no empty value yet */
	struct sct_caller callers[SCT_THREADS];
};

extern struct sct_run sct_run;

static inline bool sct_run_has(enum sct_trait trait)
{
	return sct_run.scenario->traits & trait;
}

/* ---- Time: the cache's clock is the clock of the stamps ---- */

void sct_stamps_begin(void);
uint64_t sct_stamp(void);
int64_t sct_stamped_ms(void *context);

/* ---- Values ---- */

/* The identity of a new value: its key, its thread and a number. */
uint64_t sct_new_id(struct sct_caller *caller, uint32_t key);

/* Each key has at most one empty value, so its identity is known. */
uint64_t sct_empty_id(uint32_t key);

/* Write a value with this identity and a random length. Returns the length. */
size_t sct_make_value(struct sct_caller *caller, uint64_t id, unsigned char *bytes);

/* Make an object with this identity and a random weight. */
struct sc_object sct_make_object(struct sct_caller *caller, uint64_t id);

/* Free an object that the cache refused. */
void sct_refuse_object(const struct sc_object *object);

/* Check all bytes of a value, and return its identity. */
uint64_t sct_identify(const void *data, size_t len, uint32_t key);

/* Check that each object was freed once, and record the time of its free in the events: no event
 * that begins later may see the object. */
void sct_record_frees(struct sct_event *events, size_t count);

/* ---- Calls ---- */

/* Make one random call and record it. */
void sct_call_at_random(struct sct_caller *caller);

/* Make one random call of the maintaining thread. */
void sct_maintain_at_random(struct sct_caller *caller);

void sct_release_held(struct sct_held *held);

#endif
