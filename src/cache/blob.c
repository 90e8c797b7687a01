/* Counted by an atomic, because holders let go on any thread. */
#include "cache/blob.h"

#include <stdint.h>
#include <stdlib.h>

struct sci_blob *sci_blob_open(size_t len)
{
	if (len > PTRDIFF_MAX - sizeof(struct sci_blob))
		return NULL;
	struct sci_blob *blob = malloc(sizeof *blob + len);
	if (!blob)
		return NULL;
	atomic_init(&blob->holders, 1);
	blob->len = len;
	return blob;
}

struct sci_blob *sci_blob_acquire(struct sci_blob *blob)
{
	atomic_fetch_add_explicit(&blob->holders, 1, memory_order_relaxed);
	return blob;
}

void sci_blob_release(struct sci_blob *blob)
{
	if (blob && atomic_fetch_sub_explicit(&blob->holders, 1, memory_order_acq_rel) == 1)
		free(blob);
}
