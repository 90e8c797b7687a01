/* The heap of libscopecache: malloc(), or the allocator of the process. */
#ifndef SCI_CACHE_MEMORY_H
#define SCI_CACHE_MEMORY_H

#include <stddef.h>

/* `bytes` of memory, aligned for any type; NULL when out of memory. */
void *sci_alloc(size_t bytes);

/* The same, all zero. */
void *sci_alloc_zeroed(size_t bytes);

/* NULL is allowed. */
void sci_free(void *memory);

/* Overwrite so many bytes with zeros, although nothing may read them any more. */
void sci_wipe(void *memory, size_t bytes);

/* Wipe so many bytes of it, 0 if it has no secrets, and free it. NULL is allowed. */
static inline void sci_free_wiped(void *memory, size_t bytes)
{
	if (bytes > 0 && memory)
		sci_wipe(memory, bytes);
	sci_free(memory);
}

#endif
