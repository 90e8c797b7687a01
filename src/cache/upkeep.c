/* Maintenance, and bounds at run time. */
#include "cache/upkeep.h"

#include "cache/cache_clock.h"
#include "cache/fork.h"
#include "cache/refresh.h"
#include "cache/refresh_queue.h"
#include "cache/scope.h"
#include "cache/stripes.h"

#include "base/clock.h"
#include "base/error.h"
#include "cache/region.h"

#include <inttypes.h>

/* Slots searched under one lock. */
#define EXPIRE_SLOTS 256u

/* A shard's part of a bound; the first ones get the remainder. */
static uint64_t part_of(uint64_t bound, const struct sc_cache *cache, uint32_t i)
{
	return bound / cache->stripe_count + (i < bound % cache->stripe_count);
}

int sci_cache_bound_locked(struct sc_cache *cache, uint64_t max_entries, uint64_t max_bytes,
	int64_t now_ms, struct sc_error *error)
{
	uint64_t least = sci_stripes_bytes_least(cache);

	if (max_entries && max_entries < cache->stripe_count)
		return sci_error_set(error, SC_E_INVAL, 0,
			"max_entries is %" PRIu64
			", but this cache was opened for several threads and "
			"needs at least %" PRIu32,
			max_entries, cache->stripe_count);
	if (max_bytes < least)
		return sci_error_set(error, SC_E_INVAL, 0,
			"max_bytes is %" PRIu64 ", but an index for what this cache was opened for "
			"needs at least %" PRIu64,
			max_bytes, least);
	for (uint32_t i = 0; i < cache->stripe_count; i++) {
		sci_lock_assert_held(&cache->stripes[i].lock);
		sci_shard_resize(cache->stripes[i].shard, part_of(max_entries, cache, i),
			sci_stripe_bytes(max_bytes, cache->stripe_count), now_ms);
	}
	cache->max_entries = max_entries;
	cache->max_bytes = max_bytes;
	return 0;
}

static int check_bound(const char *name, uint64_t bound, uint64_t grow, struct sc_error *error)
{
	if (bound <= grow)
		return 0;
	return sci_error_set(error, SC_E_INVAL, 0,
		"max_%s is %" PRIu64 ", but this cache was opened to grow to %" PRIu64
		" at most: see grow_%s",
		name, bound, grow, name);
}

int sc_cache_resize(struct sc_cache *cache, uint64_t max_entries, uint64_t max_bytes,
	struct sc_error *error)
{
	const struct sc_cache_options *options = &cache->options;
	int64_t now_ms = sci_cache_now_ms(cache);

	int rc = check_bound("entries", max_entries,
		options->max_entries ? options->grow_entries : UINT32_MAX, error);
	if (rc == 0)
		rc = check_bound("bytes", max_bytes, options->grow_bytes, error);
	if (rc < 0)
		return rc;
	sci_cache_lock_all(cache);
	rc = sci_cache_bound_locked(cache, max_entries ? max_entries : cache->max_entries,
		max_bytes ? max_bytes : cache->max_bytes, now_ms, error);
	for (uint32_t i = 0; i < cache->stripe_count && rc == 0; i++) {
		struct sci_stripe *stripe = &cache->stripes[i];
		sci_lock_assert_held(&stripe->lock);
		sci_region_give_back_locked(cache, stripe);
	}
	sci_cache_unlock_all(cache);
	return rc;
}

/* An entry may move to a slot that was passed, so the index is swept twice. */
#define SWEEPS 2u

static bool is_of_dead_scope(const unsigned char *key, size_t len)
{
	uint64_t scope = sci_key_scope(key, len);

	return scope && !sci_scope_is_live(scope);
}

/* One step of removing what belongs to dropped scopes. False if nothing is left to do. */
static bool sweep_locked(struct sci_stripe *stripe)
{
	sci_lock_assert_held(&stripe->lock);
	uint64_t dropped = sci_scopes_dropped();
	if (stripe->swept == dropped)
		return false;
	if (stripe->sweeping != dropped) {
		stripe->sweeping = dropped;
		stripe->sweep_at = stripe->sweeps = 0;
	}
	stripe->sweep_at =
		sci_shard_sweep(stripe->shard, stripe->sweep_at, EXPIRE_SLOTS, is_of_dead_scope);
	if (stripe->sweep_at == 0 && ++stripe->sweeps == SWEEPS)
		stripe->swept = dropped;
	return stripe->swept != dropped;
}

/* For so many slots after an answer. */
#define SWEEP_SLOTS_AFTER_ANSWER 16384u

/* Returns whether something is left. */
static bool sweep_a_little(struct sc_cache *cache)
{
	unsigned steps = SWEEP_SLOTS_AFTER_ANSWER / EXPIRE_SLOTS;
	bool is_left = false;

	for (uint32_t i = 0; i < cache->stripe_count && steps > 0; i++)
		do {
			sci_stripe_lock(&cache->stripes[i]);
			is_left = sweep_locked(&cache->stripes[i]);
			sci_stripe_unlock(&cache->stripes[i]);
		} while (is_left && --steps > 0);
	return is_left;
}

/* One step of a stripe's maintenance. False if nothing is left to do. */
static bool maintain_a_little(struct sc_cache *cache, struct sci_stripe *stripe, int64_t now_ms)
{
	sci_stripe_lock(stripe);
	bool is_swept = !sweep_locked(stripe);
	sci_shard_expire(stripe->shard, now_ms, EXPIRE_SLOTS);
	bool is_due = sci_shard_is_due(stripe->shard, now_ms);
	if (!is_due && sci_shard_shrink(stripe->shard, now_ms))
		sci_region_give_back_locked(cache, stripe);
	sci_stripe_unlock(stripe);
	return is_due || !is_swept;
}

static uint64_t left_of(uint64_t budget_ms, int64_t began_ms)
{
	uint64_t took_ms = (uint64_t)(sci_mono_ms() - began_ms);

	return took_ms < budget_ms ? budget_ms - took_ms : 0;
}

struct maintenance {
	struct sc_cache *cache;
	struct sci_background work;
};

/* A clock or a function that frees an object did not return. */
static void abandon(void *arg)
{
	struct maintenance *maintenance = arg;

	sci_background_end(&maintenance->work);
	sci_cache_release(maintenance->cache);
}

bool sci_upkeep_in_background(struct sc_cache *cache, uint64_t budget_ms)
{
	struct maintenance maintenance = { .cache = cache };
	bool is_left;

	if (!sci_background_begin(cache, &maintenance.work))
		return false;
	pthread_cleanup_push(abandon, &maintenance);
	is_left = sc_cache_maintain(cache, budget_ms) == 1;
	pthread_cleanup_pop(0);
	sci_background_end(&maintenance.work);
	return is_left;
}

static _Atomic uint64_t swept; /* drops of scopes after which all caches were swept */

static bool sweep_in_background(struct sc_cache *cache)
{
	struct maintenance maintenance = { .cache = cache };
	bool is_left;

	if (!sci_background_begin(cache, &maintenance.work))
		return false;
	pthread_cleanup_push(abandon, &maintenance);
	is_left = sweep_a_little(cache);
	pthread_cleanup_pop(0);
	sci_background_end(&maintenance.work);
	return is_left;
}

void sci_sweep_after_answer(void)
{
	uint64_t dropped = sci_scopes_dropped();
	struct sc_cache *cache = NULL;
	bool is_left = false;

	if (atomic_load(&swept) == dropped)
		return;
	while ((cache = sci_cache_next_open(cache)))
		is_left |= sweep_in_background(cache);
	if (!is_left)
		atomic_store(&swept, dropped);
}

int sc_maintain(uint64_t budget_ms)
{
	int64_t began_ms = sci_mono_ms(), until_ms;
	struct sc_cache *cache = NULL;

	if (budget_ms > INT64_MAX ||
		__builtin_add_overflow(began_ms, (int64_t)budget_ms, &until_ms))
		until_ms = INT64_MAX;
	bool are_left = sci_refresh_run(until_ms);
	while ((cache = sci_cache_next_open(cache)))
		are_left |= sci_upkeep_in_background(cache, left_of(budget_ms, began_ms));
	return are_left;
}

/* Each call starts at another stripe, so that short budgets reach all stripes. */
int sc_cache_maintain(struct sc_cache *cache, uint64_t budget_ms)
{
	int64_t now_ms = sci_cache_now_ms(cache), began_ms = sci_mono_ms();
	uint32_t first = atomic_fetch_add_explicit(&cache->maintained, 1, memory_order_relaxed);

	for (uint32_t i = 0; i < cache->stripe_count; i++) {
		uint32_t at = (first + i) & (cache->stripe_count - 1);
		while (maintain_a_little(cache, &cache->stripes[at], now_ms))
			if ((uint64_t)(sci_mono_ms() - began_ms) >= budget_ms)
				return 1;
	}
	return 0;
}
