/* A memo is a cache and the function that fills it. The cache is opened by the first call, so that a memo
 * can be a static variable that costs nothing until it is used. */
#include "cache/handle.h"

#include <scopecache/memo.h>

int sc_memo_init(struct sc_memo *memo, sc_load_fn function, void *context,
	const struct sc_cache_options *options)
{
	*memo = (struct sc_memo){ .function = function, .context = context };
	int rc = sci_cache_options_read(&memo->options, options, NULL);
	if (rc == 0 && memo->options.clock) {
		memo->clock = *memo->options.clock;
		memo->options.clock = &memo->clock;
	}
	return rc;
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

/* Open the cache. When several threads do so at once, the first to be done wins, and the others close
 * theirs, which nobody has seen. */
static int open_cache(struct sc_memo *memo, struct sc_cache **cache, struct sc_error *error)
{
	struct sc_cache_options options = memo->options;
	struct sc_cache *none = NULL;

	options.policy = SC_POLICY_LRU;
	int rc = sc_cache_open(cache, &options, error);

	if (rc < 0)
		return rc;
	if (!__atomic_compare_exchange_n(&memo->cache, &none, *cache, 0, __ATOMIC_ACQ_REL,
		    __ATOMIC_ACQUIRE)) {
		sc_cache_close(*cache);
		*cache = none;
	}
	return 0;
}

int sc_memo_call(struct sc_memo *memo, struct sc_key arguments, struct sc_value *value,
	struct sc_error *error)
{
	struct sc_cache *cache = opened(memo);

	*value = (struct sc_value){ 0 };
	if (!cache) {
		int rc = open_cache(memo, &cache, error);
		if (rc < 0)
			return rc;
	}
	return sc_cache_fetch(cache, arguments, memo->function, memo->context, value, error);
}

int sc_memo_forget(struct sc_memo *memo, struct sc_key arguments)
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

struct sc_memo_info sc_memo_info(struct sc_memo *memo)
{
	struct sc_cache_stats stats = { .size = sizeof stats };
	struct sc_cache *cache = opened(memo);

	if (cache)
		sc_cache_stats(cache, &stats);
	return (struct sc_memo_info){
		.hits = stats.hits,
		.misses = stats.misses,
		.maxsize = memo->options.max_entries,
		.currsize = stats.entries,
	};
}
