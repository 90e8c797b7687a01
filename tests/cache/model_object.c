/* The objects of a run are in a list, so that its end can check that each was freed. */
#include "cache/model_object.h"

#include "support/cmocka.h"

#include <stdlib.h>

struct sct_object *sct_object_open(struct sct_naive *naive, uint64_t version)
{
	struct sct_object *object = calloc(1, sizeof *object);

	assert_non_null(object);
	object->version = version;
	object->older = naive->objects;
	return naive->objects = object;
}

void sct_object_free(void *pointer, void *context)
{
	struct sct_object *object = pointer;

	assert_ptr_equal(context, object);
	assert_true(object->is_given);
	assert_false(object->is_freed);
	assert_int_equal(object->holders, 0);
	object->is_freed = true;
}

struct sc_object sct_object_for_cache(struct sct_object *object, uint64_t weight)
{
	return (struct sc_object){ .pointer = object,
		.weight = weight,
		.free = sct_object_free,
		.context = object };
}

bool sct_object_is_there(const struct sct_object *object)
{
	return object->is_given && !object->is_freed && object->holders == 0;
}

void sct_objects_close(struct sct_naive *naive)
{
	while (naive->objects) {
		struct sct_object *object = naive->objects;
		assert_int_equal(object->is_freed, object->is_given);
		naive->objects = object->older;
		free(object);
	}
}
