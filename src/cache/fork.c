/* A child of fork() has only the thread that forked. A lock that another thread held would stay locked
 * in it for ever, and what it guards half changed; so whoever forks waits, by a handler, until it has
 * all locks, and lets them go again on both sides. None of them is held for long.
 *
 * The lock here guards the list of open caches. It comes before all others, and nothing but the
 * handler takes another under it. */
#include "cache/fork.h"

#include "cache/handle.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by lock. */
static struct sc_cache *caches;
static bool registered;

static void before(void)
{
	pthread_mutex_lock(&lock);
	for (struct sc_cache *cache = caches; cache; cache = cache->others)
		for (uint32_t i = 0; i < cache->stripe_count; i++)
			pthread_mutex_lock(&cache->stripes[i].lock);
	sci_cache_time_fork(SCI_FORK_BEFORE);
	sci_resource_fork(SCI_FORK_BEFORE);
	sci_flight_fork(SCI_FORK_BEFORE);
}

static void after(enum sci_fork_stage stage)
{
	sci_flight_fork(stage);
	sci_resource_fork(stage);
	sci_cache_time_fork(stage);
	for (struct sc_cache *cache = caches; cache; cache = cache->others)
		for (uint32_t i = 0; i < cache->stripe_count; i++)
			pthread_mutex_unlock(&cache->stripes[i].lock);
	pthread_mutex_unlock(&lock);
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
	pthread_mutex_lock(&lock);
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
	pthread_mutex_unlock(&lock);
	return is_watched ? 0 : SC_E_NOMEM;
}

void sci_fork_forget(struct sc_cache *cache)
{
	pthread_mutex_lock(&lock);
	*cache->before = cache->others;
	if (cache->others)
		cache->others->before = cache->before;
	pthread_mutex_unlock(&lock);
}
