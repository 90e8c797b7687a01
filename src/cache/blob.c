/* Reference counts are atomic, because values are released on any thread. */
#include "cache/blob.h"

#include "cache/memory.h"

#include <pthread.h>

struct sci_blob *sci_blob_open(size_t len, bool is_secret)
{
	if (len > PTRDIFF_MAX - sizeof(struct sci_blob))
		return NULL;
	struct sci_blob *blob = sci_alloc(sizeof *blob + len);
	if (!blob)
		return NULL;
	*blob = (struct sci_blob){ .data = blob->bytes, .len = len, .is_secret = is_secret };
	atomic_init(&blob->references, 1);
	return blob;
}

struct sci_blob *sci_blob_open_object(const struct sc_object *object)
{
	struct sci_blob *blob = sci_blob_open(0, false);

	if (!blob)
		return NULL;
	blob->data = object->pointer;
	blob->weight = object->weight;
	blob->free = object->free;
	blob->context = object->context;
	return blob;
}

struct sci_blob *sci_blob_acquire(struct sci_blob *blob)
{
	atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
	return blob;
}

void sci_blob_release(struct sci_blob *blob)
{
	if (!blob || atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel) > 1)
		return;
	void (*free_object)(void *, void *) = blob->free;
	void *object = blob->data, *context = blob->context;
	/* Last, because the user's code may not return. */
	sci_free_wiped(blob, blob->is_secret ? sizeof *blob + blob->len : 0);
	if (free_object)
		free_object(object, context);
}

void sci_blob_disown(struct sci_blob *blob)
{
	sci_free(blob);
}

/* A free function did not return: free the rest. */
static void go_on(void *to_free)
{
	sci_blob_release_list(*(struct sci_object_link **)to_free);
}

void sci_blob_release_list(struct sci_object_link *to_free)
{
	pthread_cleanup_push(go_on, &to_free);
	while (to_free) {
		struct sci_blob *blob = sci_blob_of(to_free);
		to_free = to_free->next;
		sci_blob_release(blob);
	}
	pthread_cleanup_pop(0);
}

void sci_object_list_append(struct sci_object_link **all, struct sci_object_link *more)
{
	while (*all)
		all = &(*all)->next;
	*all = more;
}
