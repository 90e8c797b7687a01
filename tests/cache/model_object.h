/* Objects that the cache of a model test stores by their address, and frees exactly once. */
#ifndef SCT_MODEL_OBJECT_H
#define SCT_MODEL_OBJECT_H

#include "support/naive_cache.h"

#include <scopecache/cache.h>

#include <stdbool.h>

struct sct_object {
	uint64_t version;
	unsigned holders; /* references that the test holds */
	bool is_given;    /* the cache must free it */
	bool is_freed;
	struct sct_object *older; /* all objects of a run */
};

/* An object of this version, not yet given to the cache. */
struct sct_object *sct_object_open(struct sct_naive *naive, uint64_t version);

/* The object for the cache, with sct_object_free() as its free function. */
struct sc_object sct_object_for_cache(struct sct_object *object, uint64_t weight);
void sct_object_free(void *pointer, void *context);

/* Whether the cache certainly has it: it was given, is not freed, and nothing else references
 * it. */
bool sct_object_is_there(const struct sct_object *object);

/* Every object that was given was freed. Frees them all. */
void sct_objects_close(struct sct_naive *naive);

#endif
