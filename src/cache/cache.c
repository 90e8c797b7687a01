/* The cache: one region, one shard, one lock. Here is its life, and what all calls begin with; lookup.c,
 * store.c, fetch.c and upkeep.c have the calls.
 *
 * Values are copied out without the lock (sci_shard_peek()), as long as they are short and no writer is in
 * the way; everything else takes it. Keys are encoded and hashed, clocks are read and memory is allocated before the lock is taken; under
 * it there is only the engine, whose work is bounded, and the copying of short values. The lock order is
 * in docs/locking.md.
 *
 * A pinned value holds the whole cache: its memory goes when the last hold does, which may be after
 * sc_cache_close(). */
#include "cache/handle.h"

#include "base/error.h"
#include "base/hash.h"
#include "cache/cache_time.h"
#include "cache/flight.h"
#include "cache/fork.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

static int map_region(struct sc_cache *cache, struct sc_error *error)
{
	size_t bytes = cache->options.grow_bytes;
	void *region = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (region == MAP_FAILED)
		return sci_error_set(error, SC_E_NOMEM, errno, "cannot map a region of %zu bytes",
			bytes);
	cache->region = region;
	cache->region_bytes = bytes;
	return 0;
}

/* What is done under the lock is mostly shorter than going to sleep and being woken: spin a little first,
 * where the C library knows how to. */
static void init_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
#ifdef __GLIBC__
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
	pthread_mutex_init(lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

static void free_memory(struct sc_cache *cache)
{
	munmap(cache->region, cache->region_bytes);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static void destroy(struct sc_cache *cache)
{
	sci_fork_forget(cache);
	free_memory(cache);
}

/* The shard is made for what the cache may grow to, and then bounded. */
static int open_shard(struct sc_cache *cache, struct sc_error *error)
{
	const struct sc_cache_options *options = &cache->options;
	uint64_t max_entries = options->max_entries;

	cache->shard = sci_shard_format(cache->region,
		&(struct sci_shard_options){
			.policy = options->policy == SC_POLICY_LRU ? SCI_POLICY_LRU
								   : SCI_POLICY_COUNTED,
			.bytes = options->grow_bytes,
			.max_entries = max_entries ? options->grow_entries : 0,
			.entry_bytes = options->entry_bytes,
		});
	return sci_cache_bound_locked(cache, max_entries, options->max_bytes, 0, error);
}

int sc_cache_open(struct sc_cache **out, const struct sc_cache_options *options,
	struct sc_error *error)
{
	struct sc_cache_options checked;

	if (!out)
		return sci_error_set(error, SC_E_INVAL, 0,
			"there is nowhere to put the cache: `cache` is NULL");
	*out = NULL;
	int rc = sci_cache_options_read(&checked, options, error);
	if (rc < 0)
		return rc;
	struct sc_cache *cache = calloc(1, sizeof *cache);
	if (!cache)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	cache->options = checked;
	if (checked.clock) {
		cache->clock = *checked.clock;
		cache->options.clock = &cache->clock;
	}
	rc = map_region(cache, error);
	if (rc < 0) {
		free(cache);
		return rc;
	}
	init_lock(&cache->lock);
	rc = sci_fork_watch(cache);
	if (rc < 0) {
		free_memory(cache);
		return sci_error_set(error, rc, 0, "out of memory");
	}
	sci_cache_time_start();
	cache->seed = sci_hash_seed();
	cache->secrets = sci_hash_secrets_of(cache->seed);
	cache->holds = 1;
	rc = open_shard(cache, error);
	if (rc < 0) {
		destroy(cache);
		return rc;
	}
	*out = cache;
	return 0;
}

void sci_cache_lock(struct sc_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
}

void sci_cache_unlock(struct sc_cache *cache)
{
	struct sci_departed *departed = sci_shard_departed(cache->shard);

	pthread_mutex_unlock(&cache->lock);
	sci_blob_release_departed(departed);
}

void sci_cache_let_go(struct sc_cache *cache)
{
	sci_cache_lock(cache);
	bool last = --cache->holds == 0;
	sci_cache_unlock(cache);
	if (last)
		destroy(cache);
}

void sc_cache_close(struct sc_cache *cache)
{
	if (!cache)
		return;
	sci_cache_lock(cache);
	if (cache->has_objects)
		sci_shard_clear(cache->shard);
	sci_cache_unlock(cache);
	sci_cache_let_go(cache);
}

int64_t sci_cache_now_ms(const struct sc_cache *cache)
{
	const struct sc_clock *clock = cache->options.clock;

	return clock ? clock->now_ms(clock->context) : sci_cache_time_ms();
}

static struct sc_cache_stats read_stats(struct sc_cache *cache)
{
	sci_cache_lock(cache);
	struct sci_counts counts = cache->counts;
	struct sci_tally_sum tally = sci_tally_sum(&cache->tally);
	counts.hits += tally.hits - cache->forgotten_tally.hits;
	counts.misses += tally.misses - cache->forgotten_tally.misses;
	struct sci_shard_stats shard = sci_shard_stats(cache->shard);
	uint64_t max_entries = cache->max_entries, max_bytes = cache->max_bytes;
	sci_cache_unlock(cache);
	return (struct sc_cache_stats){
		.size = sizeof(struct sc_cache_stats),
		.hits = counts.hits,
		.misses = counts.misses,
		.expired = counts.expired,
		.loads = counts.loads,
		.load_failures = counts.load_failures,
		.load_waits = counts.load_waits,
		.puts = counts.puts,
		.evictions = shard.evictions,
		.invalidations = counts.invalidations,
		.rejected = counts.rejected,
		.reclaimed = shard.reclaimed,
		.forgotten = shard.forgotten,
		.moved_bytes = shard.moved_bytes,
		.entries = shard.entries,
		.bytes = shard.bytes,
		.pinned = shard.pinned,
		.pinned_bytes = shard.pinned_bytes,
		.max_entries = max_entries,
		.max_bytes = max_bytes,
	};
}

int sc_cache_stats(struct sc_cache *cache, struct sc_cache_stats *stats)
{
	size_t size = stats->size;

	if (size < sizeof size || size > SCI_STRUCT_BYTES_MAX)
		return SC_E_INVAL;
	struct sc_cache_stats all = read_stats(cache);
	memset(stats, 0, size);
	memcpy(stats, &all, size < sizeof all ? size : sizeof all);
	stats->size = size;
	return 0;
}
