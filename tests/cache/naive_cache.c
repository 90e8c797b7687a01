/* Linear searches, and an order that is kept by memmove(): obviously correct, not fast. */
#include "cache/naive_cache.h"

#include "support/cmocka.h"

#include <string.h>

struct sct_entry *sct_naive_find(struct sct_naive *naive, int key)
{
	for (size_t i = 0; i < naive->count; i++)
		if (naive->entries[i].key == key)
			return &naive->entries[i];
	return NULL;
}

void sct_naive_drop(struct sct_naive *naive, struct sct_entry *entry)
{
	const struct sct_entry *end = naive->entries + naive->count;

	memmove(entry, entry + 1, (size_t)(end - (entry + 1)) * sizeof *entry);
	naive->count--;
}

static struct sct_entry *add(struct sct_naive *naive, struct sct_entry entry, int64_t now_ms)
{
	bool is_sooner = entry.tti_ms && entry.tti_ms < entry.final_ms - now_ms;

	assert_true(naive->count < SCT_NAIVE_MAX);
	entry.expires_ms = is_sooner ? now_ms + entry.tti_ms : entry.final_ms;
	naive->entries[naive->count] = entry;
	return &naive->entries[naive->count++];
}

struct sct_entry *sct_naive_store(struct sct_naive *naive, struct sct_entry entry, int64_t now_ms)
{
	struct sct_entry *old = sct_naive_find(naive, entry.key);

	if (old)
		sct_naive_drop(naive, old);
	return add(naive, entry, now_ms);
}

struct sct_entry *sct_naive_use(struct sct_naive *naive, struct sct_entry *entry, int64_t now_ms)
{
	struct sct_entry used = *entry;

	sct_naive_drop(naive, entry);
	return add(naive, used, now_ms);
}

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
	assert_int_equal(object->references, 0);
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
	return object->is_given && !object->is_freed && object->references == 0;
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
