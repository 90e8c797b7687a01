/* A child of fork() has only the forking thread. A lock that another thread held would stay locked
 * in it, and what it guards half changed. So a handler takes all locks before a fork, and releases
 * them on both sides. None is held for long. Secret caches are emptied in the child (secrets.c).
 *
 * The lock here guards the list of open caches. It is first in rank, and only the handler takes
 * others under it. */
#include "cache/fork.h"

#include "cache/handle.h"

static struct sci_lock lock = SCI_LOCK_INIT;
static struct sc_cache *caches SCI_GUARDED_BY(lock);
static bool registered SCI_GUARDED_BY(lock);

static SCI_UNCHECKED void before(void)
{
	sci_lock_acquire(&lock);
	for (struct sc_cache *cache = caches; cache; cache = cache->others)
		for (uint32_t i = 0; i < cache->stripe_count; i++)
			sci_lock_acquire(&cache->stripes[i].lock);
	sci_cache_time_fork(SCI_FORK_BEFORE);
	sci_resource_fork(SCI_FORK_BEFORE);
	sci_flight_fork(SCI_FORK_BEFORE);
	sci_refresh_fork(SCI_FORK_BEFORE);
	sci_scope_fork(SCI_FORK_BEFORE);
}

static SCI_UNCHECKED void after(enum sci_fork_stage stage)
{
	sci_scope_fork(stage);
	sci_refresh_fork(stage);
	sci_flight_fork(stage);
	sci_resource_fork(stage);
	sci_cache_time_fork(stage);
	for (struct sc_cache *cache = caches; cache; cache = cache->others) {
		sci_secrets_fork(cache, stage);
		for (uint32_t i = 0; i < cache->stripe_count; i++)
			sci_lock_release(&cache->stripes[i].lock);
	}
	sci_lock_release(&lock);
}

static void in_parent(void)
{
	after(SCI_FORK_IN_PARENT);
}

static void in_child(void)
{
	after(SCI_FORK_IN_CHILD);
}

int sci_fork_watch(struct sc_cache *cache)
{
	sci_lock_acquire(&lock);
	if (!registered)
		registered = pthread_atfork(before, in_parent, in_child) == 0;
	bool is_watched = registered;
	if (is_watched) {
		cache->others = caches;
		cache->before = &caches;
		if (caches)
			caches->before = &cache->others;
		caches = cache;
	}
	sci_lock_release(&lock);
	return is_watched ? 0 : SC_E_NOMEM;
}

void sci_fork_forget(struct sc_cache *cache)
{
	sci_lock_acquire(&lock);
	*cache->before = cache->others;
	if (cache->others)
		cache->others->before = cache->before;
	sci_lock_release(&lock);
}

/* The last reference of a cache on the list may be gone; then it is about to leave the list. */
static bool acquire(struct sc_cache *cache)
{
	uint64_t holds = atomic_load(&cache->holds);

	while (holds > 0)
		if (atomic_compare_exchange_weak(&cache->holds, &holds, holds + 1))
			return true;
	return false;
}

struct sc_cache *sci_cache_next_open(struct sc_cache *cache)
{
	sci_lock_acquire(&lock);
	struct sc_cache *next = cache ? cache->others : caches;
	while (next && !acquire(next))
		next = next->others;
	sci_lock_release(&lock);
	if (cache)
		sci_cache_release(cache);
	return next;
}
