/* The cache: one region, one shard, one lock.
 *
 * Values are copied out without the lock (sci_shard_peek()), as long as they are short and no writer is in
 * the way; everything else takes it. Keys are encoded and hashed, clocks are read and memory is allocated before the lock is taken; under
 * it there is only the engine, whose work is bounded, and the copying of short values. The lock order is
 * in docs/locking.md.
 *
 * A pinned value holds the whole cache: its memory goes when the last hold does, which may be after
 * sc_cache_close(). */
#include "cache/handle.h"

#include "base/error.h"
#include "base/hash.h"
#include "cache/cache_time.h"
#include "cache/flight.h"
#include "cache/fork.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Longer values are pinned and copied without the lock. */
#define COPY_LOCKED_MAX 4096u

static int map_region(struct sc_cache *cache, struct sc_error *error)
{
	size_t bytes = cache->options.max_bytes;
	void *region = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (region == MAP_FAILED)
		return sci_error_set(error, SC_E_NOMEM, errno,
			"cannot map the %zu bytes of max_bytes", bytes);
	cache->region = region;
	cache->region_bytes = bytes;
	return 0;
}

static void free_memory(struct sc_cache *cache)
{
	munmap(cache->region, cache->region_bytes);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

int sc_cache_open(struct sc_cache **out, const struct sc_cache_options *options,
	struct sc_error *error)
{
	struct sc_cache_options checked;

	if (!out)
		return sci_error_set(error, SC_E_INVAL, 0,
			"there is nowhere to put the cache: `cache` is NULL");
	*out = NULL;
	int rc = sci_cache_options_read(&checked, options, error);
	if (rc < 0)
		return rc;
	struct sc_cache *cache = calloc(1, sizeof *cache);
	if (!cache)
		return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
	cache->options = checked;
	if (checked.clock) {
		cache->clock = *checked.clock;
		cache->options.clock = &cache->clock;
	}
	rc = map_region(cache, error);
	if (rc < 0) {
		free(cache);
		return rc;
	}
	pthread_mutex_init(&cache->lock, NULL);
	rc = sci_fork_watch(cache);
	if (rc < 0) {
		free_memory(cache);
		return sci_error_set(error, rc, 0, "out of memory");
	}
	sci_cache_time_start();
	cache->seed = sci_hash_seed();
	cache->holds = 1;
	cache->shard = sci_shard_format(cache->region,
		&(struct sci_shard_options){
			.policy = checked.policy == SC_POLICY_LRU ? SCI_POLICY_LRU
								  : SCI_POLICY_COUNTED,
			.bytes = checked.max_bytes,
			.max_entries = checked.max_entries,
			.entry_bytes = checked.entry_bytes,
		});
	*out = cache;
	return 0;
}

static void destroy(struct sc_cache *cache)
{
	sci_fork_forget(cache);
	free_memory(cache);
}

void sc_cache_close(struct sc_cache *cache)
{
	if (!cache)
		return;
	pthread_mutex_lock(&cache->lock);
	bool last = --cache->holds == 0;
	pthread_mutex_unlock(&cache->lock);
	if (last)
		destroy(cache);
}

int sci_cache_key(const struct sc_cache *cache, struct sc_key key, struct sci_lookup_key *out)
{
	if (!sci_key_encode_short(&out->bytes, key)) {
		int rc = sci_key_encode(&out->bytes, key);
		if (rc < 0)
			return rc;
	}
	out->name = (struct sci_name){
		.key = out->bytes.data,
		.len = out->bytes.len,
		.hash = sci_key_hash(key, cache->seed),
		.words = out->bytes.words,
	};
	return 0;
}

int64_t sci_cache_now_ms(const struct sc_cache *cache)
{
	const struct sc_clock *clock = cache->options.clock;

	return clock ? clock->now_ms(clock->context) : sci_cache_time_ms();
}

int64_t sci_cache_lookup_ms(const struct sc_cache *cache)
{
	/* Who stored an entry that expires before this lookup began has set it. */
	return atomic_load_explicit(&cache->has_deadlines, memory_order_relaxed)
		? sci_cache_now_ms(cache)
		: INT64_MIN;
}

bool sci_cache_find_locked(struct sc_cache *cache, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found)
{
	enum sci_lookup lookup = sci_shard_find(cache->shard, name, now_ms, found);

	cache->counts.hits += lookup == SCI_LOOKUP_HIT;
	cache->counts.misses += lookup != SCI_LOOKUP_HIT;
	cache->counts.expired += lookup == SCI_LOOKUP_EXPIRED;
	return lookup == SCI_LOOKUP_HIT;
}

/* What is pinned as often as a record can count is copied instead. */
static int copy_locked(const struct sci_found *found, struct sc_value *value)
{
	struct sci_blob *blob = sci_blob_open(found->len);

	if (!blob)
		return SC_E_NOMEM;
	if (found->len)
		memcpy(blob->data, found->value, found->len);
	*value = sci_value_of_blob(blob);
	return SC_HIT;
}

int sci_cache_pin_locked(struct sc_cache *cache, const struct sci_found *found,
	struct sc_value *value)
{
	if (!sci_shard_pin(cache->shard, found->place))
		return copy_locked(found, value);
	cache->holds++;
	*value = (struct sc_value){
		.data = found->value,
		.len = found->len,
		.holder = cache,
		.hold = found->place,
	};
	return SC_HIT;
}

struct sc_value sci_value_of_blob(struct sci_blob *blob)
{
	return (struct sc_value){ .data = blob->data, .len = blob->len, .holder = blob, .hold = 0 };
}

void sc_value_release(struct sc_value *value)
{
	if (!value || !value->holder)
		return;
	if (value->hold == 0) {
		sci_blob_release(value->holder);
	} else {
		struct sc_cache *cache = value->holder;
		pthread_mutex_lock(&cache->lock);
		sci_shard_unpin(cache->shard, (sci_place)value->hold);
		pthread_mutex_unlock(&cache->lock);
		/* The pin's hold on the cache goes as the opener's does. */
		sc_cache_close(cache);
	}
	*value = (struct sc_value){ 0 };
}

int sc_cache_acquire(struct sc_cache *cache, struct sc_key key, struct sc_value *value)
{
	struct sci_lookup_key lookup;
	struct sci_found found;

	*value = (struct sc_value){ 0 };
	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return rc;
	int64_t now_ms = sci_cache_lookup_ms(cache);
	pthread_mutex_lock(&cache->lock);
	if (sci_cache_find_locked(cache, &lookup.name, now_ms, &found))
		rc = sci_cache_pin_locked(cache, &found, value);
	pthread_mutex_unlock(&cache->lock);
	sci_key_bytes_fini(&lookup.bytes);
	return rc;
}

static int get_locked_or_pinned(struct sc_cache *cache, const struct sci_name *name, int64_t now_ms,
	struct sci_copy *copy)
{
	struct sc_value pinned = { 0 };
	struct sci_found found;
	int rc = SC_MISS;

	pthread_mutex_lock(&cache->lock);
	if (sci_cache_find_locked(cache, name, now_ms, &found)) {
		copy->len = found.len;
		rc = found.len <= copy->capacity ? SC_HIT : SC_E_TOO_LARGE;
	}
	/* What is pinned as often as it can be is copied here, however long it is. */
	bool pin = rc == SC_HIT && found.len > COPY_LOCKED_MAX &&
		sci_cache_pin_locked(cache, &found, &pinned) == SC_HIT;
	if (rc == SC_HIT && !pin && found.len)
		memcpy(copy->buffer, found.value, found.len);
	pthread_mutex_unlock(&cache->lock);
	if (pinned.data)
		memcpy(copy->buffer, pinned.data, pinned.len);
	sc_value_release(&pinned);
	return rc;
}

static int get(struct sc_cache *cache, const struct sci_name *name, int64_t now_ms,
	struct sci_copy *copy)
{
	switch (sci_shard_peek(cache->shard, name, now_ms, copy)) {
	case SCI_PEEK_HIT:
		sci_tally_hit(&cache->tally);
		return SC_HIT;
	case SCI_PEEK_TOO_LARGE:
		sci_tally_hit(&cache->tally);
		return SC_E_TOO_LARGE;
	case SCI_PEEK_MISS:
		sci_tally_miss(&cache->tally);
		return SC_MISS;
	case SCI_PEEK_UNSURE:
		break;
	}
	copy->len = 0;
	return get_locked_or_pinned(cache, name, now_ms, copy);
}

int sc_cache_get(struct sc_cache *cache, struct sc_key key, void *buffer, size_t capacity,
	size_t *len)
{
	struct sci_copy copy = { .buffer = buffer, .capacity = capacity };
	struct sci_lookup_key lookup;

	*len = 0;
	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return rc;
	rc = get(cache, &lookup.name, sci_cache_lookup_ms(cache), &copy);
	if (rc != SC_MISS)
		*len = copy.len;
	sci_key_bytes_fini(&lookup.bytes);
	return rc;
}

int sci_cache_store_locked(struct sc_cache *cache, const struct sci_name *name, const void *data,
	size_t len, uint64_t ttl_ms, int64_t now_ms)
{
	int64_t expires_ms = SCI_NEVER;
	if (ttl_ms && ttl_ms <= INT64_MAX &&
		__builtin_add_overflow(now_ms, (int64_t)ttl_ms, &expires_ms))
		expires_ms = SCI_NEVER;
	if (expires_ms != SCI_NEVER)
		atomic_store_explicit(&cache->has_deadlines, true, memory_order_relaxed);
	enum sci_stored stored = sci_shard_put(cache->shard, name,
		&(struct sci_content){ .value = data, .len = len, .expires_ms = expires_ms },
		now_ms);

	cache->counts.puts += stored == SCI_STORED;
	cache->counts.rejected += stored != SCI_STORED;
	return stored == SCI_STORED                  ? SC_OK
		: stored == SCI_STORED_NOT_TOO_LARGE ? SC_E_TOO_LARGE
						     : SC_E_NOMEM;
}

int sc_cache_put(struct sc_cache *cache, struct sc_key key, const void *data, size_t len)
{
	struct sci_lookup_key lookup;

	if (!data && len)
		return SC_E_INVAL;
	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return rc;
	int64_t now_ms = sci_cache_now_ms(cache);
	pthread_mutex_lock(&cache->lock);
	sci_flight_overtake(cache, lookup.name.key, lookup.name.len);
	rc = sci_cache_store_locked(cache, &lookup.name, data, len, cache->options.ttl_ms, now_ms);
	pthread_mutex_unlock(&cache->lock);
	sci_key_bytes_fini(&lookup.bytes);
	return rc;
}

int sc_cache_invalidate(struct sc_cache *cache, struct sc_key key)
{
	struct sci_lookup_key lookup;

	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&cache->lock);
	sci_flight_overtake(cache, lookup.name.key, lookup.name.len);
	bool removed = sci_shard_remove(cache->shard, &lookup.name);
	cache->counts.invalidations += removed;
	pthread_mutex_unlock(&cache->lock);
	sci_key_bytes_fini(&lookup.bytes);
	return removed ? SC_HIT : SC_MISS;
}

void sc_cache_clear(struct sc_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	sci_flight_overtake(cache, NULL, 0);
	cache->counts.invalidations += sci_shard_clear(cache->shard);
	pthread_mutex_unlock(&cache->lock);
}

void sci_cache_reset(struct sc_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	sci_flight_overtake(cache, NULL, 0);
	sci_shard_clear(cache->shard);
	cache->counts = (struct sci_counts){ 0 };
	cache->forgotten_tally = sci_tally_sum(&cache->tally);
	pthread_mutex_unlock(&cache->lock);
}

static struct sc_cache_stats read_stats(struct sc_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	struct sci_counts counts = cache->counts;
	struct sci_tally_sum tally = sci_tally_sum(&cache->tally);
	counts.hits += tally.hits - cache->forgotten_tally.hits;
	counts.misses += tally.misses - cache->forgotten_tally.misses;
	struct sci_shard_stats shard = sci_shard_stats(cache->shard);
	pthread_mutex_unlock(&cache->lock);
	return (struct sc_cache_stats){
		.size = sizeof(struct sc_cache_stats),
		.hits = counts.hits,
		.misses = counts.misses,
		.expired = counts.expired,
		.loads = counts.loads,
		.load_failures = counts.load_failures,
		.load_waits = counts.load_waits,
		.puts = counts.puts,
		.evictions = shard.evictions,
		.invalidations = counts.invalidations,
		.rejected = counts.rejected,
		.forgotten = shard.forgotten,
		.moved_bytes = shard.moved_bytes,
		.entries = shard.entries,
		.bytes = shard.bytes,
		.pinned = shard.pinned,
		.pinned_bytes = shard.pinned_bytes,
		.max_entries = cache->options.max_entries,
		.max_bytes = cache->options.max_bytes,
	};
}

int sc_cache_stats(struct sc_cache *cache, struct sc_cache_stats *stats)
{
	size_t size = stats->size;

	if (size < sizeof size || size > SCI_STRUCT_BYTES_MAX)
		return SC_E_INVAL;
	struct sc_cache_stats all = read_stats(cache);
	memset(stats, 0, size);
	memcpy(stats, &all, size < sizeof all ? size : sizeof all);
	stats->size = size;
	return 0;
}
