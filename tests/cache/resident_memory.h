/* The resident memory of a cache's region. */
#ifndef SCT_RESIDENT_MEMORY_H
#define SCT_RESIDENT_MEMORY_H

#include "support/cmocka.h"

#include "cache/handle.h"

#include <sys/mman.h>
#include <unistd.h>

/* The resident bytes of the region from offset `from` on, in whole pages. */
static inline size_t sct_resident_from(const struct sc_cache *cache, size_t from)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), resident = 0;

	from = (from + page - 1) / page * page;
	if (from >= cache->region_bytes)
		return 0;
	size_t bytes = cache->region_bytes - from, pages = (bytes + page - 1) / page;
	unsigned char *in_core = malloc(pages);
	assert_non_null(in_core);
	assert_int_equal(mincore((char *)cache->region + from, bytes, in_core), 0);
	for (size_t i = 0; i < pages; i++)
		resident += in_core[i] & 1;
	free(in_core);
	return resident * page;
}

static inline size_t sct_resident(const struct sc_cache *cache)
{
	return sct_resident_from(cache, 0);
}

#endif
