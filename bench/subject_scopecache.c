/* libscopecache through its public functions. */
#include "subject.h"

#include <scopecache/cache.h>

/* A cache with a bound on entries needs bytes for all of them; unused bytes cost nothing. */
static void *cache_open(const struct bench_capacity *capacity)
{
	struct sc_cache *cache;
	uint64_t max_bytes =
		capacity->bytes ? capacity->bytes : capacity->entries * 256 + (64 << 20);

	if (sc_cache_open(&cache,
		    SC_CACHE_OPTIONS(.max_entries = capacity->entries, .max_bytes = max_bytes,
			    .entry_bytes = BENCH_KEY_BYTES + BENCH_VALUE_BYTES,
			    .concurrency = capacity->threads),
		    NULL) < 0)
		return NULL;
	return cache;
}

static void cache_close(void *cache)
{
	sc_cache_close(cache);
}

static bool cache_get(void *cache, const char *key, char *value)
{
	size_t len;

	return sc_cache_get(cache, SC_KEY(SC_BYTES(key, BENCH_KEY_BYTES)), value, BENCH_VALUE_BYTES,
		       &len) == SC_HIT;
}

static void cache_put(void *cache, const char *key, const char *value)
{
	sc_cache_put(cache, SC_KEY(SC_BYTES(key, BENCH_KEY_BYTES)), value, BENCH_VALUE_BYTES);
}

const struct bench_subject bench_scopecache = { "scopecache", BENCH_SHARED, cache_open, cache_close,
	cache_get, cache_put };
