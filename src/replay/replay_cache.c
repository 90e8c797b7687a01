/* Replays a trace through one cache, with the public interface that a function would use.
 *
 * With a bound on entries every value is eight bytes, and max_bytes is as large as the entries may
 * ever need. The replay checks that max_bytes never limited the cache, because the figures would be
 * those of another cache. With a bound on bytes every value has its true size. All values are one
 * block that is never written, so large values take no memory.
 *
 * Nothing expires, so the cache has a clock that always shows 0, which is cheap to read. */
#include "replay/replay_cache.h"

#include "base/error.h"

#include <scopecache/cache.h>

#include <stdlib.h>

#define SMALL_VALUE 8u
/* The most bytes that an integer key takes in a cache. */
#define KEY_BYTES 16u
/* More bytes than a small entry takes, its share of the index included, and the bytes of a region
 * that hold no entries. */
#define REGION_ENTRY_BYTES 128u
#define REGION_OTHER_BYTES (1u << 20)
/* The bound on bytes must not prevent the striping of a cache. */
#define REGION_DIVIDED_BYTES (64u << 20)
#define REGION_MOST          (UINT64_C(1) << 34)
#define ENTRY_BYTES_MOST     (1u << 30)

_Static_assert((uint64_t)SCI_REPLAY_ENTRIES_MAX *REGION_ENTRY_BYTES + REGION_OTHER_BYTES +
			REGION_DIVIDED_BYTES <=
		REGION_MOST,
	"the most entries that a replay may have fit in a region");

#define REQUESTS_PER_UPDATE 4096u

static int64_t no_time(void *context)
{
	(void)context;
	return 0;
}

static int open_cache(struct sc_cache **cache, const struct sci_trace *trace,
	const struct sci_replay_plan *plan, enum sci_replay_policy policy, uint64_t limit,
	struct sc_error *error)
{
	const struct sc_clock clock = { .now_ms = no_time };
	uint64_t region = limit * REGION_ENTRY_BYTES + REGION_OTHER_BYTES;
	uint64_t entry_bytes = SMALL_VALUE + KEY_BYTES;

	if (plan->concurrency > 1)
		region += REGION_DIVIDED_BYTES;
	if (plan->bytes) {
		region = limit;
		entry_bytes =
			plan->entry_bytes ? plan->entry_bytes : (uint64_t)trace->usual + KEY_BYTES;
		entry_bytes = entry_bytes < ENTRY_BYTES_MOST ? entry_bytes : ENTRY_BYTES_MOST;
	}
	return sc_cache_open(cache,
		SC_CACHE_OPTIONS(.max_entries = plan->bytes ? 0 : limit, .max_bytes = region,
			.entry_bytes = entry_bytes,
			.policy = policy == SCI_REPLAY_LRU ? SC_POLICY_LRU : SC_POLICY_ADAPTIVE,
			.concurrency = plan->concurrency, .clock = &clock),
		error);
}

/* Look up all keys in order; put each value that is missing. */
static int request_all(struct sc_cache *cache, const struct sci_trace *trace, bool bytes,
	const void *values, struct sci_replay_bar *bar, struct sci_replay_result *result)
{
	for (uint32_t i = 0; i < trace->requests; i++) {
		const struct sc_key key = SC_KEY(trace->keys[i]);
		uint32_t size = sci_trace_size(trace, i);
		struct sc_value value;

		if (i % REQUESTS_PER_UPDATE == 0)
			sci_replay_bar_at(bar, i, trace->requests);
		int rc = sc_cache_acquire(cache, key, &value);
		if (rc == SC_HIT) {
			result->hits++;
			result->hit_bytes += size;
			result->saved += sci_trace_cost(trace, i);
			sc_value_release(&value);
			continue;
		}
		if (rc == SC_MISS && bytes && size == SCI_TRACE_TOO_LARGE)
			rc = SC_E_TOO_LARGE;
		else if (rc == SC_MISS)
			rc = sc_cache_put_with(cache, key, values, bytes ? size : SMALL_VALUE,
				SC_PUT_OPTIONS(.cost = sci_trace_cost(trace, i)));
		if (rc == SC_E_TOO_LARGE)
			result->rejected++;
		else if (rc < 0)
			return rc;
	}
	return 0;
}

/* Check that max_entries, and not max_bytes, limited the cache. All entries have the same size, so
 * a log that was ever full would still be full. A few entries may be missing: those that the index
 * dropped, and those that a full stripe evicted while others had space. */
static int check_entries(const struct sc_cache_stats *stats, uint64_t limit, struct sc_error *error)
{
	uint64_t least = stats->puts < limit ? stats->puts : limit;

	if (stats->bytes <= stats->max_bytes / 2 && stats->entries <= limit &&
		stats->entries + stats->forgotten >= least - least / 8)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"the cache holds %llu entries in %llu of %llu bytes, which is not what "
		"max_entries %llu asks for",
		(unsigned long long)stats->entries, (unsigned long long)stats->bytes,
		(unsigned long long)stats->max_bytes, (unsigned long long)limit);
}

int sci_replay_cache(const struct sci_trace *trace, const struct sci_replay_plan *plan,
	enum sci_replay_policy policy, uint64_t limit, struct sci_replay_bar *bar,
	struct sci_replay_result *result, struct sc_error *error)
{
	struct sc_cache_stats stats = { .size = sizeof stats };
	struct sc_cache *cache;

	*result = (struct sci_replay_result){ 0 };
	int rc = open_cache(&cache, trace, plan, policy, limit, error);
	if (rc < 0)
		return rc;
	void *values = calloc(1,
		plan->bytes && trace->largest > SMALL_VALUE ? trace->largest : SMALL_VALUE);
	rc = values ? request_all(cache, trace, plan->bytes, values, bar, result) : SC_E_NOMEM;
	if (rc < 0)
		sci_error_set(error, rc, 0, "%s: %s", trace->path, sc_result_text(rc));
	free(values);
	sc_cache_read_stats(cache, &stats);
	sc_cache_close(cache);
	result->evictions = stats.evictions + stats.forgotten;
	return rc == 0 && !plan->bytes ? check_entries(&stats, limit, error) : rc;
}
