/* A reference-counted block on the heap: a loaded value, or an object of the user's. */
#ifndef SCI_CACHE_BLOB_H
#define SCI_CACHE_BLOB_H

#include "engine/shard.h"

#include <scopecache/cache.h>

#include <stdatomic.h>

struct sci_blob {
	struct sci_object_link link; /* first: the shard knows an object by its address */
	atomic_size_t references;
	void *data;
	size_t len;                                 /* 0 for an object */
	uint64_t weight;                            /* 0 for a value */
	void (*free)(void *pointer, void *context); /* of an object, or NULL */
	void *context;
	uint64_t generation; /* of a loaded value, and how long it is fresh, if that is noted */
	int64_t remaining_ms;
	bool is_secret;                    /* a value of a secret cache: wiped when it is freed */
	_Alignas(8) unsigned char bytes[]; /* of a value */
};

/* A block of `len` bytes with one reference; NULL when out of memory. A secret one is wiped when it
 * is freed. */
struct sci_blob *sci_blob_open(size_t len, bool is_secret);

/* The same for an object, which the block owns from then on. */
struct sci_blob *sci_blob_open_object(const struct sc_object *object);

static inline bool sci_blob_is_object(const struct sci_blob *blob)
{
	return blob->data != blob->bytes;
}

struct sci_blob *sci_blob_acquire(struct sci_blob *blob);

/* Drop a reference; the last one frees it. NULL is allowed. */
void sci_blob_release(struct sci_blob *blob);

/* Free a block with one reference, and leave its object to the caller. */
void sci_blob_disown(struct sci_blob *blob);

/* Drop the shard's references to these objects. */
void sci_blob_release_list(struct sci_object_link *to_free);

/* Append a list to another; takes time in the length of the first. */
void sci_object_list_append(struct sci_object_link **all, struct sci_object_link *more);

static inline struct sci_blob *sci_blob_of(struct sci_object_link *link)
{
	return (struct sci_blob *)(void *)link;
}

#endif
