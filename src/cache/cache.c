/* The life of a cache: one region with one or more shards, each with a lock. lookup.c, store.c,
 * fetch.c and upkeep.c have the calls, stripe.h the locks.
 *
 * Short values are copied without a lock (engine/peek.h), unless a writer is active; all else takes
 * the lock of the key's stripe. Keys are encoded and hashed, clocks read and memory allocated
 * before the lock is taken; under it run the engine, whose work is bounded, and copies of short
 * values. docs/locking.md has the lock order.
 *
 * A pinned value is a reference to its cache: the memory is freed with the last reference, which
 * may be after sc_cache_close(). */
#include "cache/handle.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/sized.h"
#include "cache/bypass.h"
#include "cache/cache_time.h"
#include "cache/flight.h"
#include "cache/fork.h"
#include "cache/notes.h"
#include "cache/memory.h"
#include "cache/options.h"
#include "cache/refresh_queue.h"
#include "cache/region.h"
#include "cache/scope.h"
#include "cache/secrets.h"
#include "cache/stripes.h"
#include "cache/tags.h"
#include "cache/upkeep.h"

int sci_cache_scoped_key(const struct sc_cache *cache, struct sc_key key,
	struct sci_lookup_key *out)
{
	uint64_t scope = sci_scope_of_thread();

	if (!sci_cache_may_use(cache, scope))
		return SC_E_SCOPE;
	int rc = sci_key_encode_scoped(out, key, scope, &cache->secret);
	if (rc == 0)
		out->fini |= cache->key_fini;
	return rc;
}

static void free_memory(struct sc_cache *cache)
{
	sci_region_unmap(cache);
	sci_stripes_fini(cache);
	sci_free(cache->tags);
	sci_free(cache);
}

static void destroy(struct sc_cache *cache)
{
	sci_fork_forget(cache);
	free_memory(cache);
}

/* Returns the cache; NULL when out of memory, with it freed. */
static struct sc_cache *open_tags(struct sc_cache *cache)
{
	if (!cache->options.tags)
		return cache;
	cache->tags = sci_alloc_zeroed(sizeof *cache->tags);
	if (cache->tags)
		return cache;
	sci_free(cache);
	return NULL;
}

/* The handle, without region. */
static struct sc_cache *new_handle(const struct sc_cache_options *options)
{
	uint32_t stripes = sci_stripes_for(options);
	struct sc_cache *cache =
		sci_alloc_zeroed(sizeof *cache + stripes * sizeof cache->stripes[0]);

	if (!cache)
		return NULL;
	cache->options = *options;
	if (options->clock) {
		cache->clock = *options->clock;
		cache->options.clock = &cache->clock;
	}
	cache->stripe_count = stripes;
	cache->keeps_notes = sci_notes_are_wanted(&cache->options);
	/* Also the lookup that runs while the first entry is stored knows the time. */
	atomic_init(&cache->has_deadlines, cache->keeps_notes);
	cache->region_bytes = options->grow_bytes;
	cache->shard_bytes = sci_stripe_bytes(options->grow_bytes, stripes);
	cache->key_fini = options->secret ? SCI_KEY_SECRET : 0;
	cache->secret = sci_hash_secret_draw();
	cache->gets_lock = options->policy == SC_POLICY_LRU || options->tags;
	cache->holds = 1;
	return open_tags(cache);
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
	struct sc_cache *cache = new_handle(&checked);
	if (!cache)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	rc = sci_region_map(cache, error);
	if (rc < 0) {
		sci_free(cache->tags);
		sci_free(cache);
		return rc;
	}
	sci_stripes_init(cache);
	rc = sci_fork_watch(cache);
	if (rc < 0) {
		free_memory(cache);
		return sci_error_set(error, rc, 0, "out of memory");
	}
	sci_secrets_opened(cache);
	sci_cache_time_start();
	sci_bypass_start();
	if (checked.strict)
		sci_unusual_set(SCI_UNUSUAL_SCOPES, true);
	sci_cache_lock_all(cache);
	rc = sci_cache_bound_locked(cache, checked.max_entries, checked.max_bytes, 0, error);
	sci_cache_unlock_all(cache);
	if (rc < 0) {
		/* Another thread's sc_maintain() may have seen it. */
		sc_cache_close(cache);
		return rc;
	}
	*out = cache;
	return 0;
}

/* The last reference must see all that other threads did. */
void sci_cache_release(struct sc_cache *cache)
{
	if (atomic_fetch_sub_explicit(&cache->holds, 1, memory_order_acq_rel) == 1)
		destroy(cache);
}

/* Whether there is more to do than to unmap the region. No other thread uses the cache any more. */
static bool needs_clear(const struct sc_cache *cache)
{
	if (cache->options.secret)
		return true;
	for (uint32_t i = 0; i < cache->stripe_count; i++)
		if (cache->stripes[i].has_objects)
			return true;
	return false;
}

void sc_cache_close(struct sc_cache *cache)
{
	if (!cache)
		return;
	sci_refresh_forget(cache);
	struct sci_object_link *objects = needs_clear(cache) ? sci_cache_clear(cache) : NULL;
	sci_secrets_closed(cache);
	sci_cache_release(cache);
	sci_blob_release_list(objects);
}

static void add_stripe(struct sc_cache_stats *sum, const struct sci_stripe *stripe)
{
	struct sci_shard_stats shard = sci_shard_stats(stripe->shard);
	const struct sci_counts *counts = &stripe->counts;

	sum->hits += counts->hits;
	sum->misses += counts->misses;
	sum->expired += counts->expired;
	sum->loads += counts->loads;
	sum->load_failures += counts->load_failures;
	sum->load_absences += counts->load_absences;
	sum->load_waits += counts->load_waits;
	sum->puts += counts->puts;
	sum->invalidations += counts->invalidations;
	sum->rejected += counts->rejected;
	sum->stale += counts->stale;
	sum->known_absences += counts->known_absences;
	sum->known_failures += counts->known_failures;
	sum->refreshes += counts->refreshes;
	sum->unchanged += counts->unchanged;
	sum->load_timeouts += counts->load_timeouts;
	sum->refused += counts->refused;
	sum->evictions += shard.evictions;
	sum->reclaimed += shard.reclaimed;
	sum->forgotten += shard.forgotten;
	sum->moved_bytes += shard.moved_bytes;
	sum->entries += shard.entries;
	sum->bytes += shard.bytes;
	sum->pinned += shard.pinned;
	sum->pinned_bytes += shard.pinned_bytes;
}

static struct sc_cache_stats sum_stats(struct sc_cache *cache)
{
	struct sc_cache_stats sum = { .size = sizeof sum };

	sci_cache_lock_all(cache);
	struct sci_thread_counts_sum counts = sci_thread_counts_sum(&cache->thread_counts);
	sum.hits = counts.hits - cache->forgotten_counts.hits;
	sum.misses = counts.misses - cache->forgotten_counts.misses;
	sum.max_entries = cache->max_entries;
	sum.max_bytes = cache->max_bytes;
	sum.locked_bytes = cache->locked_bytes;
	for (uint32_t i = 0; i < cache->stripe_count; i++)
		add_stripe(&sum, &cache->stripes[i]);
	sci_cache_unlock_all(cache);
	return sum;
}

int sc_cache_read_stats(struct sc_cache *cache, struct sc_cache_stats *stats)
{
	struct sc_cache_stats all = sum_stats(cache);

	all.size = stats->size;
	return sci_sized_write(stats, stats->size, &all, sizeof all);
}
