/* Objects for a cache that count how often they were freed, and record the freeing thread. */
#ifndef SCT_COUNTED_OBJECT_H
#define SCT_COUNTED_OBJECT_H

#include "cache/cache_fixture.h"

#include <pthread.h>

struct sct_counted_object {
	struct sc_cache *cache; /* used while the object is freed, if not NULL */
	int freed;
	pthread_t freed_on;
};

/* Reads the statistics, which deadlocks if the caller holds a lock. */
static inline void sct_counted_object_free(void *pointer, void *context)
{
	struct sct_counted_object *thing = pointer;
	struct sc_cache_stats stats = { .size = sizeof stats };

	assert_ptr_equal(context, &thing->freed);
	thing->freed++;
	thing->freed_on = pthread_self();
	if (thing->cache)
		sc_cache_read_stats(thing->cache, &stats);
}

static inline struct sc_object sct_object_of(struct sct_counted_object *thing, uint64_t weight)
{
	return (struct sc_object){
		.pointer = thing,
		.weight = weight,
		.free = sct_counted_object_free,
		.context = &thing->freed,
	};
}

/* Put an object, which the cache owns from now on. */
static inline void sct_put_counted_object(struct sc_cache *cache, struct sc_key key,
	struct sct_counted_object *thing, uint64_t weight)
{
	struct sc_object object = sct_object_of(thing, weight);

	thing->cache = cache;
	assert_int_equal(sc_cache_put_object(cache, key, &object, NULL), SC_OK);
	assert_int_equal(thing->freed, 0);
}

static inline void sct_assert_counted_object(const struct sc_value *value,
	const struct sct_counted_object *thing)
{
	assert_ptr_equal(value->data, thing);
	assert_int_equal(value->len, 0);
	assert_int_equal(thing->freed, 0);
}

#endif
