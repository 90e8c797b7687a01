/* The allocator can be set only before the first allocation, so it is read without a lock. */
#include "cache/memory.h"

#include <scopecache/process.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct sc_allocator allocator; /* all NULL: malloc() and free() */
static atomic_bool in_use;

int sc_process_set_allocator(const struct sc_allocator *wanted)
{
	if (atomic_load(&in_use) || (wanted && (!wanted->allocate || !wanted->free)))
		return SC_E_INVAL;
	allocator = wanted ? *wanted : (struct sc_allocator){ 0 };
	return 0;
}

void *sci_alloc(size_t bytes)
{
	if (!atomic_load_explicit(&in_use, memory_order_relaxed))
		atomic_store_explicit(&in_use, true, memory_order_relaxed);
	return allocator.allocate ? allocator.allocate(bytes, allocator.context) : malloc(bytes);
}

void *sci_alloc_zeroed(size_t bytes)
{
	/* Large blocks of calloc() take no memory before they are touched. */
	if (!allocator.allocate) {
		atomic_store_explicit(&in_use, true, memory_order_relaxed);
		return calloc(1, bytes);
	}
	void *memory = sci_alloc(bytes);
	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

void sci_free(void *memory)
{
	if (allocator.free && memory)
		allocator.free(memory, allocator.context);
	else
		free(memory);
}

void sci_wipe(void *memory, size_t bytes)
{
	/* The compiler must not leave it out. */
	if (bytes > 0)
		explicit_bzero(memory, bytes);
}
