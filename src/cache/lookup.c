/* Lookups: copies, without the lock where possible, and pins.
 *
 * A pinned value is a record in the region, which then neither moves nor changes; an object, with a
 * reference count of its own; or, when a record has no pins left, a copy on the heap. */
#include "cache/lookup.h"

#include "cache/cache_clock.h"
#include "cache/bypass.h"
#include "cache/memory.h"
#include "cache/notes.h"
#include "cache/tags.h"
#include "engine/peek.h"

/* Longer values are pinned, and copied without the lock. */
#define COPY_LOCKED_MAX 4096u

enum sci_lookup sci_stripe_look_up_locked(struct sci_stripe *stripe, const struct sci_name *name,
	int64_t now_ms, struct sci_found *found)
{
	sci_lock_assert_held(&stripe->lock);
	if (sci_is_bypassed())
		return SCI_LOOKUP_MISS;
	enum sci_lookup lookup = sci_shard_find(stripe->shard, name, now_ms, found);
	if (lookup != SCI_LOOKUP_HIT || !sci_tags_end(stripe->tags, found))
		return lookup;
	sci_shard_remove(stripe->shard, name);
	return SCI_LOOKUP_MISS;
}

enum sci_lookup sci_stripe_look_locked(struct sci_stripe *stripe, const struct sci_name *name,
	int64_t now_ms, struct sci_found *found)
{
	sci_lock_assert_held(&stripe->lock);
	enum sci_lookup lookup = sci_shard_look(stripe->shard, name, now_ms, found);
	bool is_dead = lookup == SCI_LOOKUP_HIT && sci_tags_end(stripe->tags, found);
	return is_dead ? SCI_LOOKUP_MISS : lookup;
}

void sci_stripe_count_locked(struct sci_stripe *stripe, bool is_hit, enum sci_lookup lookup)
{
	sci_lock_assert_held(&stripe->lock);
	stripe->counts.hits += is_hit;
	stripe->counts.misses += !is_hit;
	stripe->counts.expired += lookup == SCI_LOOKUP_EXPIRED;
}

bool sci_stripe_find_locked(struct sci_stripe *stripe, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found)
{
	sci_lock_assert_held(&stripe->lock);
	enum sci_lookup lookup = sci_stripe_look_up_locked(stripe, name, now_ms, found);
	bool is_hit = lookup == SCI_LOOKUP_HIT && sci_found_is_fresh(found, now_ms);
	sci_stripe_count_locked(stripe, is_hit, lookup);
	return is_hit;
}

/* A value whose record has no pins left is copied. */
static int copy_locked(const struct sc_cache *cache, const struct sci_found *found,
	struct sc_value *value)
{
	struct sci_blob *blob = sci_blob_open(found->len, cache->options.secret);

	if (!blob)
		return SC_E_NOMEM;
	if (found->len)
		memcpy(blob->data, found->value, found->len);
	*value = sci_value_of_blob(blob);
	return SC_HIT;
}

int sci_cache_pin_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, struct sc_value *value)
{
	sci_lock_assert_held(&stripe->lock);
	if (found->object) {
		*value = sci_value_of_blob(sci_blob_acquire(sci_blob_of(found->object)));
		return SC_HIT;
	}
	if (!sci_shard_pin(stripe->shard, found->offset))
		return copy_locked(cache, found, value);
	atomic_fetch_add_explicit(&cache->holds, 1, memory_order_relaxed);
	*value = (struct sc_value){
		.data = found->value,
		.len = found->len,
		.holder = cache,
		.hold = stripe->hold | found->offset,
	};
	return SC_HIT;
}

struct sc_value sci_value_of_blob(struct sci_blob *blob)
{
	return (struct sc_value){
		.data = blob->data,
		.len = blob->len,
		.generation = blob->generation,
		.remaining_ms = blob->remaining_ms,
		.holder = blob,
	};
}

static void unpin(struct sc_cache *cache, uint64_t hold)
{
	struct sci_stripe *stripe = &cache->stripes[hold >> SCI_HOLD_STRIPE_SHIFT];

	sci_stripe_lock(stripe);
	sci_shard_unpin(stripe->shard, (sci_offset)hold);
	sci_stripe_unlock(stripe);
	/* The pin's reference to the cache. */
	sci_cache_release(cache);
}

/* The same, unless the record was left behind in the parent process. */
static __attribute__((noinline)) void unpin_secret(struct sc_cache *cache, uint64_t hold)
{
	struct sci_stripe *stripe = &cache->stripes[sci_hold_stripe(hold)];

	sci_stripe_lock(stripe);
	if (sci_hold_is_present(hold, stripe))
		sci_shard_unpin(stripe->shard, (sci_offset)hold);
	sci_stripe_unlock(stripe);
	sci_cache_release(cache);
}

void sc_value_release(struct sc_value *value)
{
	if (!value || !value->holder)
		return;
	void *holder = value->holder;
	uint64_t hold = value->hold;
	*value = (struct sc_value){ 0 };
	if (hold == 0)
		sci_blob_release(holder);
	else if (sci_hold_is_secret(hold))
		unpin_secret(holder, hold);
	else
		unpin(holder, hold);
}

/* How a lookup that pins finds an entry. */
typedef bool (*find_fn)(struct sci_stripe *stripe, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found);

static inline int pin(struct sc_cache *cache, struct sc_key key, find_fn find,
	struct sc_value *value)
{
	struct sci_lookup_key lookup;
	struct sci_found found;

	*value = (struct sc_value){ 0 };
	int64_t now_ms = sci_cache_lookup_ms(cache);
	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return rc;
	struct sci_stripe *stripe = sci_cache_stripe(cache, lookup.name.hash);
	sci_stripe_lock(stripe);
	if (find(stripe, &lookup.name, now_ms, &found)) {
		rc = sci_cache_pin_locked(cache, stripe, &found, value);
		if (rc == SC_HIT)
			sci_value_describe(value, &found, now_ms);
	}
	sci_key_fini(&lookup);
	sci_stripe_unlock(stripe);
	return rc;
}

int sc_cache_acquire(struct sc_cache *cache, struct sc_key key, struct sc_value *value)
{
	return pin(cache, key, sci_stripe_find_locked, value);
}

static bool look_locked(struct sci_stripe *stripe, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found)
{
	sci_lock_assert_held(&stripe->lock);
	return !sci_is_bypassed() &&
		sci_stripe_look_locked(stripe, name, now_ms, found) == SCI_LOOKUP_HIT &&
		sci_found_is_fresh(found, now_ms);
}

int sc_cache_peek(struct sc_cache *cache, struct sc_key key, struct sc_value *value)
{
	return pin(cache, key, look_locked, value);
}

/* Where a value is copied to. */
struct target {
	void *buffer;
	size_t capacity, *len;
};

/* Copy what was found, or pin it if it is better copied without the lock: then *pinned is set. */
static int copy_found_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, const struct target *to, struct sc_value *pinned)
{
	sci_lock_assert_held(&stripe->lock);
	if (found->object)
		return SC_E_INVAL;
	*to->len = found->len;
	if (found->len > to->capacity)
		return SC_E_TOO_LARGE;
	/* Without pin and memory it is copied here, however long it is. */
	if (found->len > COPY_LOCKED_MAX &&
		sci_cache_pin_locked(cache, stripe, found, pinned) == SC_HIT)
		return SC_HIT;
	if (found->len)
		memcpy(to->buffer, found->value, found->len);
	return SC_HIT;
}

static int get_locked(struct sc_cache *cache, const struct sci_name *name, int64_t now_ms,
	const struct target *to)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, name->hash);
	struct sc_value pinned;
	struct sci_found found;
	int rc = SC_MISS;

	/* All that is read below; the rest need not be written. */
	pinned.holder = NULL;
	pinned.data = NULL;
	pinned.len = 0;
	sci_stripe_lock(stripe);
	if (sci_stripe_find_locked(stripe, name, now_ms, &found))
		rc = copy_found_locked(cache, stripe, &found, to, &pinned);
	sci_stripe_unlock(stripe);
	if (pinned.holder) {
		memcpy(to->buffer, pinned.data, pinned.len);
		sc_value_release(&pinned);
	}
	return rc;
}

/* A copy that a writer interrupted may have bytes of another secret. The lookup that follows takes
 * the lock, because that without it may be interrupted too. */
static void wipe_copy(const struct target *to)
{
	sci_wipe(to->buffer, to->capacity < SCI_PEEK_BYTES_MAX ? to->capacity : SCI_PEEK_BYTES_MAX);
}

/* After a quick lookup without a hit: what it did not find out needs a complete lookup. */
static int get_otherwise(struct sc_cache *cache, const struct sci_name *name, enum sci_peek peek,
	int64_t now_ms, const struct target *to)
{
	struct sci_copy copy = { .buffer = to->buffer, .capacity = to->capacity };

	if (peek == SCI_PEEK_TOO_LARGE)
		copy.len = *to->len;
	if (sci_peek_is_worth_another(peek)) {
		if (cache->options.secret)
			wipe_copy(to);
		else
			peek = sci_shard_peek(sci_cache_shard(cache, name->hash), name, now_ms,
				&copy);
	}
	*to->len = 0;
	if (sci_peek_gave_up(peek))
		return get_locked(cache, name, now_ms, to);
	if (peek == SCI_PEEK_MISS) {
		sci_thread_counts_miss(&cache->thread_counts);
		return SC_MISS;
	}
	sci_thread_counts_hit(&cache->thread_counts);
	*to->len = copy.len;
	return peek == SCI_PEEK_HIT ? SC_HIT : SC_E_TOO_LARGE;
}

/* By value: a name whose address is not taken stays in registers until here. */
static __attribute__((noinline)) int get_short_otherwise(struct sc_cache *cache,
	struct sci_quick_name name, enum sci_peek peek, void *buffer, size_t capacity, size_t *len)
{
	int64_t now_ms = sci_peek_gave_up(peek) ? sci_cache_lookup_ms(cache) : 0;
	struct sci_lookup_key lookup;

	sci_short_key(&lookup, name);
	lookup.fini = cache->key_fini;
	int rc = get_otherwise(cache, &lookup.name, peek, now_ms,
		&(struct target){ buffer, capacity, len });
	sci_key_fini(&lookup);
	return rc;
}

static int64_t time_read(const void *now_ms)
{
	return *(const int64_t *)now_ms;
}

/* Also if freeing an expired object does not return. */
static void free_key(void *lookup)
{
	sci_key_fini(lookup);
}

/* A lookup of an encoded key. */
typedef int (*look_up_fn)(struct sc_cache *cache, const struct sci_name *name, int64_t now_ms,
	const struct target *to);

/* A key that may be allocated: the time is read before, because the user's clock may not return. */
static inline int get_encoded(struct sc_cache *cache, struct sc_key key, look_up_fn look_up,
	const struct target *to)
{
	struct sci_lookup_key lookup;

	*to->len = 0;
	int64_t now_ms = sci_cache_lookup_ms(cache);
	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return rc;
	pthread_cleanup_push(free_key, &lookup);
	rc = look_up(cache, &lookup.name, now_ms, to);
	pthread_cleanup_pop(1);
	return rc;
}

/* Quickly, then completely. */
static int look_up_long(struct sc_cache *cache, const struct sci_name *name, int64_t now_ms,
	const struct target *to)
{
	struct sci_quick_name quick = sci_peek_name(name);
	enum sci_peek peek = sci_shard_peek_quick(sci_cache_shard(cache, name->hash), &quick,
		time_read, &now_ms, to->buffer, to->capacity, to->len);

	if (peek != SCI_PEEK_HIT)
		return get_otherwise(cache, name, peek, now_ms, to);
	sci_thread_counts_hit(&cache->thread_counts);
	return SC_HIT;
}

static __attribute__((noinline)) int get_long(struct sc_cache *cache, struct sc_key key,
	void *buffer, size_t capacity, size_t *len)
{
	return get_encoded(cache, key, look_up_long, &(struct target){ buffer, capacity, len });
}

static int64_t read_time_ms(const void *cache)
{
	return sci_cache_coarse_ms(cache);
}

/* The name stays in registers until more is needed. */
static inline __attribute__((always_inline)) int get_short(struct sc_cache *cache,
	struct sci_quick_name name, void *buffer, size_t capacity, size_t *len)
{
	enum sci_peek peek = sci_shard_peek_quick(sci_cache_shard(cache, name.hash), &name,
		read_time_ms, cache, buffer, capacity, len);

	if (sci_is_likely(peek == SCI_PEEK_HIT)) {
		sci_thread_counts_hit(&cache->thread_counts);
		return SC_HIT;
	}
	return get_short_otherwise(cache, name, peek, buffer, capacity, len);
}

static __attribute__((noinline)) int get_timed(struct sc_cache *cache, const struct sc_part *part,
	void *buffer, size_t capacity, size_t *len)
{
	return get_short(cache, sci_short_text(part, &cache->secret), buffer, capacity, len);
}

/* Any key but a short text. */
static __attribute__((noinline)) int get_any(struct sc_cache *cache, struct sc_key key,
	void *buffer, size_t capacity, size_t *len)
{
	return sci_key_is_short_number(key)
		? get_short(cache, sci_short_number(key.parts, &cache->secret), buffer, capacity,
			  len)
		: get_long(cache, key, buffer, capacity, len);
}

static __attribute__((noinline)) int note_hit(struct sci_sighting sighting)
{
	sci_peek_touch(sighting.line, sighting.seen);
	return SC_HIT;
}

/* Most lookups: a short text in a cache without expiry and without exact order. Only a hit or a
 * miss is handled here, so that the compiler keeps all of it in registers. */
static __attribute__((noinline)) int get_plain(struct sc_cache *cache, const struct sc_part *part,
	void *buffer, size_t capacity, size_t *len)
{
	struct sci_sighting sighting;
	struct sci_quick_name name = sci_short_text(part, &cache->secret);
	const struct sci_shard *shard = sci_cache_shard(cache, name.hash);

	enum sci_peek peek =
		sci_peek_try(shard, &name, NULL, NULL, buffer, capacity, len, &sighting);
	if (sci_is_likely(peek == SCI_PEEK_HIT)) {
		sci_thread_counts_hit(&cache->thread_counts);
		return sci_touch_is_wanted(shard, sighting.seen) ? note_hit(sighting) : SC_HIT;
	}
	if (peek == SCI_PEEK_MISS) {
		*len = 0;
		sci_thread_counts_miss(&cache->thread_counts);
		return SC_MISS;
	}
	return get_short_otherwise(cache, name, peek, buffer, capacity, len);
}

/* Not by the quickest path. In exact LRU order each hit changes the order, so no lookup goes
 * without the lock; nor where an entry may have a tag that has ended it. */
static __attribute__((noinline)) int get_unusual(struct sc_cache *cache, struct sc_key key,
	void *buffer, size_t capacity, size_t *len)
{
	bool needs_lock = cache->gets_lock || sci_is_bypassed();

	return get_encoded(cache, key, needs_lock ? get_locked : look_up_long,
		&(struct target){ buffer, capacity, len });
}

int sc_cache_get(struct sc_cache *cache, struct sc_key key, void *buffer, size_t capacity,
	size_t *len)
{
	if (cache->gets_lock || sci_is_unusual(SCI_UNUSUAL_BYPASS | SCI_UNUSUAL_SCOPES))
		return get_unusual(cache, key, buffer, capacity, len);
	if (!sci_is_likely(sci_key_is_short_text(key)))
		return get_any(cache, key, buffer, capacity, len);
	return atomic_load_explicit(&cache->has_deadlines, memory_order_relaxed)
		? get_timed(cache, key.parts, buffer, capacity, len)
		: get_plain(cache, key.parts, buffer, capacity, len);
}
