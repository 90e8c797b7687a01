/* Heap memory of the library, from malloc() or from the allocator of the process. */
#ifndef SCI_CACHE_MEMORY_H
#define SCI_CACHE_MEMORY_H

#include <stddef.h>

/* `bytes` of memory, aligned for any type; NULL when out of memory. */
void *sci_alloc(size_t bytes);

/* The same, all zero. */
void *sci_alloc_zeroed(size_t bytes);

/* NULL is allowed. */
void sci_free(void *memory);

#endif
