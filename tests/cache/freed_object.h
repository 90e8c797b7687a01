/* Objects to be put into a cache, which know how often they were freed, and where. */
#ifndef SCT_FREED_OBJECT_H
#define SCT_FREED_OBJECT_H

#include "cache/cache_fixture.h"

#include <pthread.h>

struct sct_freed_object {
	struct sc_cache *cache; /* used while the thing is freed, if not NULL */
	int freed;
	pthread_t freed_on;
};

/* Whoever frees it must hold no lock: the figures could not be read. */
static inline void sct_freed_object_free(void *pointer, void *context)
{
	struct sct_freed_object *thing = pointer;
	struct sc_cache_stats stats = { .size = sizeof stats };

	assert_ptr_equal(context, &thing->freed);
	thing->freed++;
	thing->freed_on = pthread_self();
	if (thing->cache)
		sc_cache_read_stats(thing->cache, &stats);
}

static inline struct sc_object sct_object_of(struct sct_freed_object *thing, uint64_t weight)
{
	return (struct sc_object){
		.pointer = thing,
		.weight = weight,
		.free = sct_freed_object_free,
		.context = &thing->freed,
	};
}

/* Put a thing that is the cache's from now on. */
static inline void sct_put_freed_object(struct sc_cache *cache, struct sc_key key,
	struct sct_freed_object *thing, uint64_t weight)
{
	struct sc_object object = sct_object_of(thing, weight);

	thing->cache = cache;
	assert_int_equal(sc_cache_put_object(cache, key, &object, NULL), SC_OK);
	assert_int_equal(thing->freed, 0);
}

static inline void sct_assert_freed_object(const struct sc_value *value,
	const struct sct_freed_object *thing)
{
	assert_ptr_equal(value->data, thing);
	assert_int_equal(value->len, 0);
	assert_int_equal(thing->freed, 0);
}

#endif
