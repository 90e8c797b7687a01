/* The mapped region of a cache, and the population of its pages.
 *
 * The first write to a page causes a page fault, which takes longer than a put. A growing shard
 * writes its pages in order, so the next pages are populated in batches of an eighth of the bytes
 * in use: that bounds the unused memory and the latency of one put. A small cache gets each page
 * by a page fault, and so does every cache before Linux 5.14, which has no MADV_POPULATE_WRITE.
 *
 * The functions ending in _locked need the lock of the stripe; map and unmap need exclusive use. */
#include "cache/region.h"

#include "base/error.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define BATCH_BYTES_MIN (16u << 10)
#define BATCH_BYTES_MAX (128u << 10)
#define PART_OF_USE     8u

/* The headers may be older than the kernel. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int sci_region_map(struct sc_cache *cache, struct sc_error *error)
{
	void *region = mmap(NULL, cache->region_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (region == MAP_FAILED)
		return sci_error_set(error, SC_E_NOMEM, errno, "cannot map a region of %zu bytes",
			cache->region_bytes);
	cache->region = region;
	return 0;
}

void sci_region_unmap(struct sc_cache *cache)
{
	munmap(cache->region, cache->region_bytes);
}

static uint64_t page_up(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

void sci_region_give_back_locked(const struct sc_cache *cache, struct sci_stripe *stripe)
{
	uint64_t used = page_up(sci_shard_bytes(stripe->shard));

	sci_lock_assert_held(&stripe->lock);
	if (used < cache->shard_bytes)
		madvise((char *)stripe->shard + used, cache->shard_bytes - used, MADV_DONTNEED);
	if (stripe->populated > used)
		stripe->populated = used;
}

void sci_region_populate_locked(struct sci_stripe *stripe, uint64_t reached)
{
	uint64_t from = page_up(reached), batch = from / PART_OF_USE, left = 0;
	uint64_t end = sci_shard_bytes(stripe->shard) / BATCH_BYTES_MIN * BATCH_BYTES_MIN;

	sci_lock_assert_held(&stripe->lock);
	if (from < end)
		left = end - from;
	batch = batch > BATCH_BYTES_MAX ? BATCH_BYTES_MAX : page_up(batch);
	batch = batch > left ? left : batch;
	stripe->populated = from;
	if (batch >= BATCH_BYTES_MIN)
		stripe->populated =
			madvise((char *)stripe->shard + from, batch, MADV_POPULATE_WRITE) == 0
			? from + batch
			: UINT64_MAX;
}
