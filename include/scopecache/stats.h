/* scopecache/stats.h - the statistics of a cache.
 *
 *	struct sc_cache_stats stats = { .size = sizeof stats };
 *	sc_cache_read_stats(cache, &stats);
 *
 * cache.h includes this header.
 */
#ifndef SCOPECACHE_STATS_H
#define SCOPECACHE_STATS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct sc_cache;

/* The table of statistics: name, meaning. New rows are added at its end only. Counters start at 0
 * when the cache is opened; `entries` to `max_bytes` are levels. */
#define SC_CACHE_STATS_TABLE(X)                                                                    \
	X(hits, "lookups that found an entry")                                                     \
	X(misses, "lookups that did not")                                                          \
	X(expired, "misses that found an expired entry")                                           \
	X(loads, "loads that gave a value")                                                        \
	X(load_failures, "loads that failed")                                                      \
	X(load_waits, "fetches that waited for another thread's load")                             \
	X(puts, "values stored, loaded ones included")                                             \
	X(evictions, "entries evicted to make room")                                               \
	X(invalidations, "entries removed by invalidate or clear")                                 \
	X(rejected, "values that could not be stored")                                             \
	X(reclaimed, "expired entries whose space was freed before a lookup met them")             \
	X(forgotten, "entries evicted because their lines of the index were full")                 \
	X(moved_bytes, "bytes moved to join free space")                                           \
	X(entries, "entries now, with expired ones that are not freed yet")                        \
	X(bytes, "bytes of the log in use now, with overhead, and the weight of objects")          \
	X(pinned, "entries pinned now")                                                            \
	X(pinned_bytes, "bytes of the log that pinned entries use")                                \
	X(max_entries, "the bound on entries; 0: none")                                            \
	X(max_bytes, "the bound on bytes")                                                         \
	X(load_absences, "loads that found that there is no value")                                \
	X(stale, "fetches that returned a stale value")                                            \
	X(known_absences, "fetches that knew from an earlier load that there is no value")         \
	X(known_failures,                                                                          \
		"fetches that failed without a load, less than retry_after_ms after one")          \
	X(refreshes, "loads that refreshed a value while no caller waited")                        \
	X(unchanged, "loads that found the value unchanged and renewed it, in loads too")          \
	X(load_timeouts, "waits for another thread's load that took longer than load_timeout_ms")  \
	X(refused, "values that sc_cache_reject() removed")                                        \
	X(locked_bytes, "bytes of the region of a secret cache that stay out of swap")

/* The statistics of a cache. */
struct sc_cache_stats {
	size_t size; /* sizeof(struct sc_cache_stats), set by the caller */
#define SC_CACHE_STATS_FIELD(name, text) uint64_t name;
	SC_CACHE_STATS_TABLE(SC_CACHE_STATS_FIELD)
#undef SC_CACHE_STATS_FIELD
};

/* Read the statistics, all at one moment. A counter of a newer header that this library does not
 * know is 0.
 *
 * returns  0; SC_E_INVAL when stats->size was not set.
 * blocks   while other threads change the cache, for the locks of all shards.
 * threads  any. */
int sc_cache_read_stats(struct sc_cache *cache, struct sc_cache_stats *stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
