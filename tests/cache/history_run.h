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
#define SCT_VALUE_MAX  4096 /* on top of its head */
#define SCT_CLOCK_BITS 8    /* 2^SCT_CLOCK_BITS stamps are one millisecond */

/* What a scenario is like. */
enum sct_trait {
	SCT_LOSSLESS = 1,    /* nothing is evicted, so no entry may be missing */
	SCT_CLEARS = 2,      /* clears the cache now and then */
	SCT_RACES = 4,       /* nothing but gets and puts, and more of them */
	SCT_RESIZES = 8,     /* and maintains */
	SCT_OBJECTS = 16,    /* among the values */
	SCT_MAINTAINER = 32, /* one thread only resizes, maintains and clears */
	SCT_STRIPED = 64     /* into stripes */
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
struct sct_fate {
	bool is_object;
	atomic_uint frees;
	_Atomic uint64_t freed; /* a stamp */
};

/* The state of one thread; other threads write only the fates of its objects. */
struct sct_actor {
	unsigned number;
	uint64_t random, written;
	struct sct_event *events;
	size_t count, room;
	struct sct_fate *fates; /* by what was written */
	struct sct_held held[SCT_HELD_MAX];
	unsigned char bytes[SCT_VALUE_MAX + 64];
};

struct sct_run {
	const struct sct_scenario *scenario;
	struct sc_cache *cache;
	long operations;
	atomic_uint empty_put; /* keys from this one on had no empty value yet */
	struct sct_actor players[SCT_THREADS];
};

extern struct sct_run sct_run;

static inline bool sct_run_has(enum sct_trait trait)
{
	return sct_run.scenario->traits & trait;
}

/* ---- Time: the stamps' clock, so that it passes with what happens ---- */

void sct_stamps_begin(void);
uint64_t sct_stamp(void);
int64_t sct_stamped_ms(void *context);

/* ---- Values ---- */

/* The name of a new value. It says which key, thread and call it is from. */
uint64_t sct_new_id(struct sct_actor *player, uint32_t key);

/* Each key has at most one empty value, so its identity is known. */
uint64_t sct_empty_id(uint32_t key);

/* Write a value of this name, of a random length, which is returned. */
size_t sct_make_value(struct sct_actor *player, uint64_t id, unsigned char *bytes);

/* Make an object of this name, of a random weight. */
struct sc_object sct_make_object(struct sct_actor *player, uint64_t id);

/* The cache did not take it. */
void sct_refuse_object(const struct sc_object *object);

/* Returns which value it is, having looked at all of it. */
uint64_t sct_identify(const void *data, size_t len, uint32_t key);

/* Check that each object was freed once, and write the stamp into the events: no event that begins
 * later may see the object. */
void sct_tell_fates(struct sct_event *events, size_t count);

/* ---- Calls ---- */

/* Make one random call and record it. */
void sct_play(struct sct_actor *player);

/* The same for the maintaining thread. */
void sct_maintain_at_random(struct sct_actor *player);

void sct_release_held(struct sct_held *held);

#endif
