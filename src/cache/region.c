/* The first touch of a page costs a page fault, which takes longer than a put. A growing shard
 * needs its pages in order, so they are requested in batches of an eighth of what is in use: a
 * cache has little more than it needs, and no put waits long. A small cache gets each page when it
 * is touched, and so does one on Linux before 5.14, which has no such requests. */
#include "cache/region.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH_BYTES_MIN (16u << 10)
#define BATCH_BYTES_MAX (128u << 10)
#define PART_OF_USE     8u

/* Older headers lack it. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

/* Lock the pages as they are used: mlock() would provide all of them at once. RLIMIT_MEMLOCK counts
 * all of them. A call of our own, because sanitizers make the C library's do nothing. */
static void lock_pages(struct sc_cache *cache)
{
	long rc = syscall(SYS_mlock2, cache->region, cache->region_bytes, MLOCK_ONFAULT);

	cache->locked_bytes = rc == 0 ? cache->region_bytes : 0;
}

/* Linux before 4.14 has no MADV_WIPEONFORK, which is for children that run no handlers of fork():
 * fork.c is for the others. */
static int keep_secret(struct sc_cache *cache, struct sc_error *error)
{
	if (madvise(cache->region, cache->region_bytes, MADV_DONTDUMP) != 0)
		return sci_error_set(error, SC_E_NOMEM, errno,
			"cannot keep a secret cache out of core dumps");
	madvise(cache->region, cache->region_bytes, MADV_WIPEONFORK);
	lock_pages(cache);
	return 0;
}

int sci_region_map(struct sc_cache *cache, struct sc_error *error)
{
	void *region = mmap(NULL, cache->region_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (region == MAP_FAILED)
		return sci_error_set(error, SC_E_NOMEM, errno, "cannot map a region of %zu bytes",
			cache->region_bytes);
	cache->region = region;
	int rc = cache->options.secret ? keep_secret(cache, error) : 0;
	if (rc < 0)
		sci_region_unmap(cache);
	return rc;
}

/* A child inherits no locked pages. */
void sci_region_renew(struct sc_cache *cache)
{
	if (madvise(cache->region, cache->region_bytes, MADV_DONTNEED) != 0)
		memset(cache->region, 0, cache->region_bytes);
	lock_pages(cache);
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
		madvise((char *)stripe->shard + used, cache->shard_bytes - used,
			cache->locked_bytes ? MADV_DONTNEED_LOCKED : MADV_DONTNEED);
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
