/* A memo is a cache and the function that fills it. The first call opens the cache, so that a
 * static memo costs nothing until it is used. */
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

/* Open the cache, if no thread has since this one looked. */
static int open_once(struct sc_memo *memo, struct sc_error *error)
{
	struct sc_cache_options options;
	struct sc_cache *cache;

	if (opened(memo))
		return 0;
	int rc = sci_cache_options_read(&options, memo->options, error);
	if (rc < 0)
		return rc;
	rc = open_lru(&cache, options, error);
	if (rc < 0)
		return rc;
	__atomic_store_n(&memo->cache, cache, __ATOMIC_RELEASE);
	return 0;
}

/* Open the cache, or wait for the thread that does: two at a time might not find memory that
 * suffices for one. Not inline: a recursive function would have it on the stack at each level. */
static __attribute__((noinline)) int open_cache(struct sc_memo *memo, struct sc_error *error)
{
	struct sci_flight *flight;
	struct sc_error why = { 0 };

	if (!memo->options)
		return sci_error_set(error, SC_E_INVAL, 0,
			"the memo is not initialised: see sc_memo_init()");
	switch (sci_flight_join(memo, NULL, false, &flight)) {
	case SCI_FLIGHT_NOMEM:
		return sci_error_plain(error, SC_E_NOMEM);
	case SCI_FLIGHT_WAITER:
		return sci_flight_follow(flight, INT64_MAX, error);
	case SCI_FLIGHT_LEADER:
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

/* The bound with which the first call will open the cache. */
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
