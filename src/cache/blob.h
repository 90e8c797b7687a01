/* A value on the heap, held by everyone who has use for it: what a load makes. */
#ifndef SCI_CACHE_BLOB_H
#define SCI_CACHE_BLOB_H

#include <stdatomic.h>
#include <stddef.h>

struct sci_blob {
	atomic_size_t holders;
	size_t len;
	_Alignas(8) unsigned char data[];
};

/* A blob of `len` bytes, held once; NULL when memory is out. */
struct sci_blob *sci_blob_open(size_t len);

struct sci_blob *sci_blob_acquire(struct sci_blob *blob);

/* The last to let go frees it. NULL is allowed. */
void sci_blob_release(struct sci_blob *blob);

#endif
