/* A reference-counted block on the heap: a loaded value, or a user's object. The last release
 * frees it. */
#ifndef SCI_CACHE_BLOB_H
#define SCI_CACHE_BLOB_H

#include "engine/shard.h"

#include <scopecache/cache.h>

#include <stdatomic.h>

struct sci_blob {
	struct sci_object_link link; /* first member: the shard refers to an object by it */
	atomic_size_t references;
	void *data;
	size_t len;                                 /* 0 for an object */
	uint64_t weight;                            /* 0 for a value */
	void (*free)(void *pointer, void *context); /* of an object, or NULL */
	void *context;
	_Alignas(8) unsigned char bytes[]; /* of a value */
};

/* A blob of `len` bytes with one reference; NULL when out of memory. */
struct sci_blob *sci_blob_open(size_t len);

/* A blob with one reference that owns the object; NULL when out of memory. */
struct sci_blob *sci_blob_open_object(const struct sc_object *object);

static inline bool sci_blob_is_object(const struct sci_blob *blob)
{
	return blob->data != blob->bytes;
}

struct sci_blob *sci_blob_acquire(struct sci_blob *blob);

/* Drop one reference; the last one frees the blob and its object. NULL is allowed. */
void sci_blob_release(struct sci_blob *blob);

/* Free a blob with one reference, but not its object, which the caller owns again. */
void sci_blob_disown(struct sci_blob *blob);

/* Drop the shard's reference to each object of this list. */
void sci_blob_release_list(struct sci_object_link *to_free);

/* Append `more` to the list `all`, in time linear in the length of `all`. */
void sci_object_list_append(struct sci_object_link **all, struct sci_object_link *more);

static inline struct sci_blob *sci_blob_of(struct sci_object_link *link)
{
	return (struct sci_blob *)(void *)link;
}

#endif
