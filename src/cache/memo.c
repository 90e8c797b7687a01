/* A memo: a cache with exact LRU, and the function that fills it, as Python's lru_cache.
 *
 * The first call opens the cache, so a static memo costs nothing until it is used. Opening is a
 * flight (flight.h) whose subject is the memo: one thread opens, the others wait. `cache` is
 * published with release and read with acquire; after that no lock is needed to read it. */
#include "cache/flight.h"
#include "cache/handle.h"
#include "cache/options.h"
#include "cache/store.h"

#include "base/error.h"
#include "base/sized.h"

#include <scopecache/memo.h>

static int open_lru(struct sc_cache **cache, struct sc_cache_options options,
	struct sc_error *error)
{
	options.policy = SC_POLICY_LRU;
	return sc_cache_open(cache, &options, error);
}

int sc_memo_init(struct sc_memo *memo, sc_load_fn function, void *context,
	const struct sc_cache_options *options, struct sc_error *error)
{
	struct sc_cache_options checked;

	*memo = (struct sc_memo){ 0 };
	if (!function)
		return sci_error_set(error, SC_E_INVAL, 0, "the memo has no function");
	int rc = sci_cache_options_read(&checked, options, error);
	if (rc < 0)
		return rc;
	checked.loader = function;
	checked.loader_context = context;
	return open_lru(&memo->cache, checked, error);
}

static struct sc_cache *opened(struct sc_memo *memo)
{
	return __atomic_load_n(&memo->cache, __ATOMIC_ACQUIRE);
}

void sc_memo_fini(struct sc_memo *memo)
{
	sc_cache_close(memo->cache);
	memo->cache = NULL;
}

/* Open the cache, unless another thread has opened it meanwhile. */
static int open_once(struct sc_memo *memo, struct sc_error *error)
{
	struct sc_cache_options options;
	struct sc_cache *cache;

	if (opened(memo))
		return 0;
	int rc = sci_cache_options_read(&options, memo->options, error);
	if (rc == 0)
		rc = open_lru(&cache, options, error);
	if (rc == 0)
		__atomic_store_n(&memo->cache, cache, __ATOMIC_RELEASE);
	return rc;
}

/* Open the cache, or wait for the thread that does: opening two at once might run out of memory
 * where one would not. Not in line, so that a recursive memo uses less stack. */
static __attribute__((noinline)) int open_cache(struct sc_memo *memo, struct sc_error *error)
{
	struct sci_flight *flight;
	struct sc_error why = { 0 };

	if (!memo->options)
		return sci_error_set(error, SC_E_INVAL, 0,
			"the memo is not initialised: see sc_memo_init()");
	switch (sci_flight_join(memo, NULL, &flight)) {
	case SCI_JOIN_NOMEM:
		return sci_error_plain(error, SC_E_NOMEM);
	case SCI_JOIN_WAITER:
		return sci_flight_follow(flight, INT64_MAX, error);
	case SCI_JOIN_LEADER:
		break;
	}
	int rc = open_once(memo, &why);
	if (rc < 0 && error)
		*error = why;
	sci_flight_complete(flight, rc, &why, NULL);
	return rc;
}

int sc_memo_call(struct sc_memo *memo, struct sc_key arguments, struct sc_value *value,
	struct sc_error *error)
{
	struct sc_cache *cache = opened(memo);

	*value = (struct sc_value){ 0 };
	if (!cache) {
		int rc = open_cache(memo, error);
		if (rc < 0)
			return rc;
		cache = opened(memo);
	}
	return sc_cache_fetch(cache, arguments, value, error);
}

int sc_memo_invalidate(struct sc_memo *memo, struct sc_key arguments)
{
	struct sc_cache *cache = opened(memo);

	return cache ? sc_cache_invalidate(cache, arguments) : SC_MISS;
}

void sc_memo_clear(struct sc_memo *memo)
{
	struct sc_cache *cache = opened(memo);

	if (cache)
		sci_cache_reset(cache);
}

/* The bound on entries with which the first call will open the cache. */
static uint64_t maxsize_before(const struct sc_memo *memo)
{
	struct sc_cache_options options;

	if (!memo->options || sci_cache_options_read(&options, memo->options, NULL) < 0)
		return 0;
	return options.max_entries;
}

int sc_memo_read_info(struct sc_memo *memo, struct sc_memo_info *info)
{
	struct sc_cache_stats stats = { .size = sizeof stats };
	struct sc_cache *cache = opened(memo);
	struct sc_memo_info all = { .size = info->size };

	if (cache)
		sc_cache_read_stats(cache, &stats);
	all.hits = stats.hits;
	all.misses = stats.misses;
	all.maxsize = cache ? stats.max_entries : maxsize_before(memo);
	all.currsize = stats.entries;
	return sci_sized_write(info, info->size, &all, sizeof all);
}
