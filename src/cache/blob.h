/* What lives on the heap and has holders: a value that was loaded, or an object of the user's. It is freed
 * when the last holder lets go. */
#ifndef SCI_CACHE_BLOB_H
#define SCI_CACHE_BLOB_H

#include "engine/shard.h"

#include <scopecache/cache.h>

#include <stdatomic.h>

struct sci_blob {
	struct sci_object_link link; /* first: by this the shard knows an object */
	atomic_size_t holders;
	void *data;
	size_t len;                                 /* 0 for an object */
	uint64_t weight;                            /* 0 for a value */
	void (*free)(void *pointer, void *context); /* of an object, or NULL */
	void *context;
	_Alignas(8) unsigned char bytes[]; /* of a value */
};

/* A blob of `len` bytes, held once; NULL when memory is out. */
struct sci_blob *sci_blob_open(size_t len);

/* The same for an object, which is the blob's from now on. */
struct sci_blob *sci_blob_open_object(const struct sc_object *object);

static inline bool sci_blob_is_object(const struct sci_blob *blob)
{
	return blob->data != blob->bytes;
}

struct sci_blob *sci_blob_acquire(struct sci_blob *blob);

/* The last to let go frees it. NULL is allowed. */
void sci_blob_release(struct sci_blob *blob);

/* Free a blob that nobody else holds, and leave its object to the caller. */
void sci_blob_disown(struct sci_blob *blob);

/* The shard lets go of these objects. */
void sci_blob_release_list(struct sci_object_link *to_free);

/* Join two lists of them; takes as long as the first is. */
void sci_object_list_append(struct sci_object_link **all, struct sci_object_link *more);

static inline struct sci_blob *sci_blob_of(struct sci_object_link *link)
{
	return (struct sci_blob *)(void *)link;
}

#endif
