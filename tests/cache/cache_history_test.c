/* Several threads make calls of every kind to one cache with few keys, and record when each call
 * began and ended and which value it saw. Afterwards history.c checks that a cache can have
 * produced this history: no read saw a value older than a completed put, of another key, torn,
 * expired, idle for too long or removed before, and none saw a freed object.
 *
 * The same seed makes the same calls on each thread, but in another interleaving. */
#include "cache/striped_cache.h"
#include "cache/history_run.h"
#include "support/seeded_runs.h"

#include "base/hash.h"
#include "cache/cache_check.h"

#include <inttypes.h>
#include <stdio.h>

#ifdef SCT_UNDER_TSAN
#define OPERATIONS 800 /* ThreadSanitizer is slow, and detects races that did no harm */
#else
#define OPERATIONS 2500
#endif

struct sct_run sct_run;

#define OPTIONS(...)                                                                               \
	{                                                                                          \
		.size = sizeof(struct sc_cache_options), __VA_ARGS__                               \
	}
#define ROOMY   SCT_LOSSLESS
#define CLEARS  SCT_CLEARS
#define RACES   SCT_RACES
#define RESIZES SCT_RESIZES
#define OBJECTS SCT_OBJECTS
#define KEEPER  SCT_MAINTAINER
#define STRIPED SCT_STRIPED

static const struct sct_scenario scenarios[] = {
	{ "one key", OPTIONS(.max_bytes = 1 << 20), 1, 0, SCT_VALUE_MAX, ROOMY | CLEARS },
	{ "one key, short values", OPTIONS(.max_bytes = 1 << 20), 1, 0, 60, ROOMY | CLEARS },
	{ "one key, objects", OPTIONS(.max_bytes = 1 << 20), 1, 0, 60, ROOMY | CLEARS | OBJECTS },
	{ "written over while it is read", OPTIONS(.max_bytes = 1 << 20), 1, 0, 1000,
		ROOMY | RACES },
	{ "moved while it is read", OPTIONS(.max_bytes = 16 << 10), 30, 0, 1000, RACES },
	{ "resized while it is read", OPTIONS(.max_bytes = 16 << 10, .grow_bytes = 64 << 10), 30, 0,
		1000, RACES | KEEPER | CLEARS },
	{ "wiped while it is read",
		OPTIONS(.max_bytes = 16 << 10, .grow_bytes = 64 << 10, .secret = 1), 30, 0, 1000,
		RACES | KEEPER | CLEARS },
	{ "all fit", OPTIONS(.max_bytes = 8 << 20), 4, 60, SCT_VALUE_MAX, ROOMY | CLEARS },
	{ "all fit, lru", OPTIONS(.max_bytes = 8 << 20, .policy = SC_POLICY_LRU), 4, 60,
		SCT_VALUE_MAX, ROOMY | CLEARS },
	{ "all fit, resized", OPTIONS(.max_bytes = 8 << 20, .grow_bytes = 16 << 20), 4, 60,
		SCT_VALUE_MAX, ROOMY | CLEARS | OBJECTS | KEEPER },
	{ "bytes", OPTIONS(.max_bytes = 96 << 10), 8, 200, SCT_VALUE_MAX, CLEARS },
	{ "bytes, lru", OPTIONS(.max_bytes = 96 << 10, .policy = SC_POLICY_LRU), 8, 200,
		SCT_VALUE_MAX, CLEARS },
	{ "bytes, objects", OPTIONS(.max_bytes = 96 << 10), 8, 200, SCT_VALUE_MAX,
		CLEARS | OBJECTS },
	{ "short values", OPTIONS(.max_bytes = 16 << 10, .entry_bytes = 64), 8, 400, 100, 0 },
	{ "entries", OPTIONS(.max_bytes = 8 << 20, .max_entries = 12), 8, 40, SCT_VALUE_MAX, 0 },
	{ "entries, objects, lru",
		OPTIONS(.max_bytes = 8 << 20, .max_entries = 12, .policy = SC_POLICY_LRU), 8, 40,
		SCT_VALUE_MAX, OBJECTS },
	{ "one entry", OPTIONS(.max_bytes = 8 << 20, .max_entries = 1), 2, 0, 500, 0 },
	{ "pins leave no space", OPTIONS(.max_bytes = 28 << 10), 6, 0, SCT_VALUE_MAX, 0 },
	{ "resized", OPTIONS(.max_bytes = 64 << 10, .grow_bytes = 128 << 10), 8, 100, SCT_VALUE_MAX,
		CLEARS | RESIZES },
	{ "resized all the time", OPTIONS(.max_bytes = 64 << 10, .grow_bytes = 128 << 10), 8, 100,
		SCT_VALUE_MAX, CLEARS | KEEPER },
	{ "resized all the time, objects",
		OPTIONS(.max_bytes = 64 << 10, .grow_bytes = 128 << 10, .max_entries = 20,
			.grow_entries = 60, .ttl_ms = 8),
		8, 100, 2000, CLEARS | KEEPER | OBJECTS },
	{ "resized all the time, lru",
		OPTIONS(.max_bytes = 64 << 10, .grow_bytes = 128 << 10, .max_entries = 20,
			.grow_entries = 60, .policy = SC_POLICY_LRU),
		8, 100, 2000, KEEPER | OBJECTS },
	{ "idle time", OPTIONS(.max_bytes = 8 << 20, .tti_ms = 2), 8, 100, 900, RESIZES },
	{ "idle time, objects", OPTIONS(.max_bytes = 8 << 20, .tti_ms = 2), 8, 100, 900,
		KEEPER | OBJECTS },
	{ "time to live", OPTIONS(.max_bytes = 96 << 10, .ttl_ms = 3), 8, 100, 900, 0 },
	{ "time to live, objects", OPTIONS(.max_bytes = 96 << 10, .ttl_ms = 3, .tti_ms = 2), 8, 100,
		900, KEEPER | OBJECTS },
	{ "striped, all fit", OPTIONS(.max_bytes = 4 << 20), 4, 60, SCT_VALUE_MAX,
		STRIPED | ROOMY | CLEARS },
	{ "striped, moved while it is read", OPTIONS(.max_bytes = 112 << 10), 120, 0, 1000,
		STRIPED | RACES },
	{ "striped, bytes, objects", OPTIONS(.max_bytes = 192 << 10), 16, 400, 1500,
		STRIPED | OBJECTS },
	{ "striped, resized all the time", OPTIONS(.max_bytes = 256 << 10, .grow_bytes = 512 << 10),
		8, 100, SCT_VALUE_MAX, STRIPED | CLEARS | KEEPER },
	{ "striped, everything",
		OPTIONS(.max_bytes = 1 << 20, .grow_bytes = 2 << 20, .max_entries = 20,
			.grow_entries = 60, .ttl_ms = 8, .tti_ms = 4, .policy = SC_POLICY_LRU),
		8, 100, 2000, STRIPED | CLEARS | KEEPER | OBJECTS },
};

static void take_part(unsigned number, void *arg)
{
	struct sct_caller *caller = &sct_run.callers[number];
	bool is_keeper = number == 0 && sct_run_has(SCT_MAINTAINER);
	long turns = is_keeper ? sct_run.operations / 4 : sct_run.operations;

	(void)arg;
	for (long i = 0; i < turns; i++) {
		if (is_keeper)
			sct_maintain_at_random(caller);
		else
			sct_call_at_random(caller);
	}
	for (size_t i = 0; i < SCT_HELD_MAX; i++)
		sct_release_held(&caller->held[i]);
}

static void start(const struct sct_scenario *scenario, uint64_t seed, long operations)
{
	struct sc_cache_options options = scenario->options;
	const struct sc_clock clock = { .now_ms = sct_stamped_ms };

	options.clock = &clock;
	memset(&sct_run, 0, sizeof sct_run);
	sct_run.scenario = scenario;
	sct_run.operations = operations * (scenario->traits & RACES ? 4 : 1);
	sct_run.cache = scenario->traits & STRIPED ? sct_striped_cache_open(&options)
						   : sct_cache_open(&options);
	sct_stamps_begin();
	for (unsigned i = 0; i < SCT_THREADS; i++) {
		struct sct_caller *caller = &sct_run.callers[i];
		caller->number = i;
		caller->random = seed * SCT_THREADS + i;
		/* One more for a loader's put. */
		caller->capacity = (size_t)sct_run.operations * 2 + 1;
		caller->events = calloc(caller->capacity, sizeof *caller->events);
		caller->free_records = calloc(caller->capacity, sizeof *caller->free_records);
		assert_true(caller->events && caller->free_records);
	}
}

static struct sct_event *collect(size_t *count)
{
	struct sct_event *events;

	*count = 0;
	for (unsigned i = 0; i < SCT_THREADS; i++)
		*count += sct_run.callers[i].count;
	events = calloc(*count, sizeof *events);
	assert_non_null(events);
	*count = 0;
	for (unsigned i = 0; i < SCT_THREADS; i++) {
		const struct sct_caller *caller = &sct_run.callers[i];
		memcpy(events + *count, caller->events, caller->count * sizeof *events);
		*count += caller->count;
	}
	sct_record_frees(events, *count);
	for (unsigned i = 0; i < SCT_THREADS; i++) {
		free(sct_run.callers[i].events);
		free(sct_run.callers[i].free_records);
	}
	return events;
}

static void print_what_happened(const struct sct_event *events, size_t count,
	const struct sc_cache_stats *stats)
{
	size_t kinds[SCT_MISS + 1] = { 0 };

	for (size_t i = 0; i < count; i++)
		kinds[events[i].kind]++;
	printf("  %zu put, %zu dropped, %zu loaded, %zu read, %zu awaited, %zu missed; "
	       "%" PRIu64 " evicted, %" PRIu64 " forgotten, %" PRIu64 " rejected, "
	       "%" PRIu64 " expired, %" PRIu64 " reclaimed, %" PRIu64 " bytes moved\n",
		kinds[SCT_PUT], kinds[SCT_DROP], kinds[SCT_LOAD], kinds[SCT_READ], kinds[SCT_AWAIT],
		kinds[SCT_MISS], stats->evictions, stats->forgotten, stats->rejected,
		stats->expired, stats->reclaimed, stats->moved_bytes);
	assert_true(kinds[SCT_PUT] > 0 && kinds[SCT_READ] > 0);
	assert_true(sct_run_has(SCT_RACES) || (kinds[SCT_LOAD] > 0 && kinds[SCT_MISS] > 0));
}

/* If all keys have one hash, the index has slots for only sixteen of them. */
static bool all_hashes_are_one(void)
{
	return sci_hash("a", 1, 1) == sci_hash("b", 1, 2);
}

/* The index always has slots for sixteen entries. With a changing bound, whether there were ever
 * more depends on the interleaving. */
static void assert_forgotten(const struct sc_cache_stats *stats, bool is_crowded)
{
	const struct sc_cache_options *options = &sct_run.scenario->options;
	bool may_forget = is_crowded &&
		(options->max_entries == 0 || options->max_entries > 16 ||
			options->grow_entries > 16);

	if (!may_forget)
		assert_int_equal(stats->forgotten, 0);
	else if (!sct_run_has(SCT_MAINTAINER))
		assert_true(stats->forgotten > 0);
}

static void one_cache_can_have_been_behind_it(const void *played, uint64_t seed, long operations)
{
	const struct sct_scenario *scenario = played;
	struct sct_fault fault;
	size_t count;

	start(scenario, seed, operations);
	sct_threads_run(SCT_THREADS, take_part, NULL);
	struct sc_cache_stats stats = sct_stats(sct_run.cache);
	sct_assert_cache_valid(sct_run.cache);
	assert_int_equal(stats.pinned, 0);
	sc_cache_close(sct_run.cache);

	struct sct_event *events = collect(&count);
	bool is_crowded = all_hashes_are_one() && scenario->hot + scenario->cold > 16;
	bool is_roomy = scenario->traits & ROOMY, is_lossless = is_roomy && !is_crowded;
	print_what_happened(events, count, &stats);
	assert_true(!is_lossless || stats.evictions + stats.forgotten + stats.rejected == 0);
	assert_true(is_roomy ||
		stats.evictions + stats.forgotten + stats.expired + stats.reclaimed > 0);
	assert_forgotten(&stats, is_crowded);
	bool good = sct_history_check(events, count, is_lossless, &fault);
	free(events);
	if (!good) {
		sct_fault_print(&fault);
		fail_msg("%s", fault.what);
	}
}

int main(void)
{
	return sct_seeded_runs_main(&(const struct sct_seeded_runs){
		.configs = scenarios,
		.config_size = sizeof scenarios[0],
		.count = sizeof scenarios / sizeof scenarios[0],
		.seeds = 1,
		.operations = OPERATIONS,
		.run = one_cache_can_have_been_behind_it,
	});
}
