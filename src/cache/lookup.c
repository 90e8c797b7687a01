/* Looking up: by copying out, without the lock where that is possible, and by pinning.
 *
 * What is pinned is a record in the region, which then stays where it is and as it is; an object, which
 * has a count of its own holders; or, when a record's pins are used up, a copy on the heap. */
#include "cache/handle.h"
#include "cache/bypass.h"
#include "engine/peek.h"

/* Longer values are pinned and copied without the lock. */
#define COPY_LOCKED_MAX 4096u

bool sci_stripe_find_locked(struct sci_stripe *stripe, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found)
{
	enum sci_lookup lookup = sci_is_bypassed()
		? SCI_LOOKUP_MISS
		: sci_shard_find(stripe->shard, name, now_ms, found);

	sci_lock_assert_held(&stripe->lock);
	stripe->counts.hits += lookup == SCI_LOOKUP_HIT;
	stripe->counts.misses += lookup != SCI_LOOKUP_HIT;
	stripe->counts.expired += lookup == SCI_LOOKUP_EXPIRED;
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

/* What a value holds of a cache: the number of its stripe, and the place of its record, which is never 0. */
static uint64_t hold_of(const struct sc_cache *cache, const struct sci_stripe *stripe,
	sci_place place)
{
	return (uint64_t)(stripe - cache->stripes) << 32 | place;
}

int sci_cache_pin_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, struct sc_value *value)
{
	sci_lock_assert_held(&stripe->lock);
	if (found->object) {
		*value = sci_value_of_blob(sci_blob_acquire(sci_blob_of(found->object)));
		return SC_HIT;
	}
	if (!sci_shard_pin(stripe->shard, found->place))
		return copy_locked(found, value);
	atomic_fetch_add_explicit(&cache->holds, 1, memory_order_relaxed);
	*value = (struct sc_value){
		.data = found->value,
		.len = found->len,
		.holder = cache,
		.hold = hold_of(cache, stripe, found->place),
	};
	return SC_HIT;
}

struct sc_value sci_value_of_blob(struct sci_blob *blob)
{
	return (struct sc_value){ .data = blob->data, .len = blob->len, .holder = blob, .hold = 0 };
}

static void unpin(struct sc_cache *cache, uint64_t hold)
{
	struct sci_stripe *stripe = &cache->stripes[hold >> 32];

	sci_stripe_lock(stripe);
	sci_shard_unpin(stripe->shard, (sci_place)hold);
	sci_stripe_unlock(stripe);
	/* The pin's hold on the cache goes as the opener's does. */
	sci_cache_let_go(cache);
}

void sc_value_release(struct sc_value *value)
{
	if (!value || !value->holder)
		return;
	void *holder = value->holder;
	uint64_t hold = value->hold;
	*value = (struct sc_value){ 0 };
	if (hold)
		unpin(holder, hold);
	else
		sci_blob_release(holder);
}

/* How a lookup that pins finds an entry. */
typedef bool (*find_fn)(struct sci_stripe *stripe, const struct sci_name *name, int64_t now_ms,
	struct sci_found *found);

static inline int pin(struct sc_cache *cache, struct sc_key key, find_fn find_locked,
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
	if (find_locked(stripe, &lookup.name, now_ms, &found))
		rc = sci_cache_pin_locked(cache, stripe, &found, value);
	sci_key_bytes_fini(&lookup.bytes);
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
		sci_shard_look(stripe->shard, name, now_ms, found) == SCI_LOOKUP_HIT;
}

int sc_cache_peek(struct sc_cache *cache, struct sc_key key, struct sc_value *value)
{
	return pin(cache, key, look_locked, value);
}

static int get_locked_or_pinned(struct sc_cache *cache, const struct sci_name *name, int64_t now_ms,
	struct sci_copy *copy)
{
	struct sci_stripe *stripe = sci_cache_stripe(cache, name->hash);
	struct sc_value pinned = { 0 };
	struct sci_found found;
	int rc = SC_MISS;

	sci_stripe_lock(stripe);
	if (sci_stripe_find_locked(stripe, name, now_ms, &found)) {
		copy->len = found.object ? 0 : found.len;
		rc = found.object                     ? SC_E_INVAL
			: found.len <= copy->capacity ? SC_HIT
						      : SC_E_TOO_LARGE;
	}
	/* Where neither a pin nor memory is left it is copied here, however long it is. */
	bool pin = rc == SC_HIT && found.len > COPY_LOCKED_MAX &&
		sci_cache_pin_locked(cache, stripe, &found, &pinned) == SC_HIT;
	if (rc == SC_HIT && !pin && found.len)
		memcpy(copy->buffer, found.value, found.len);
	sci_stripe_unlock(stripe);
	if (pinned.data)
		memcpy(copy->buffer, pinned.data, pinned.len);
	sc_value_release(&pinned);
	return rc;
}

static int get(struct sc_cache *cache, const struct sci_name *name, int64_t now_ms,
	struct sci_copy *copy)
{
	if (sci_is_bypassed())
		return get_locked_or_pinned(cache, name, now_ms, copy);
	switch (sci_shard_peek(sci_cache_shard(cache, name->hash), name, now_ms, copy)) {
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

/* Any key, and whatever comes of it. */
static __attribute__((noinline)) int get_any(struct sc_cache *cache, struct sc_key key,
	void *buffer, size_t capacity, size_t *len)
{
	struct sci_copy copy = { .buffer = buffer, .capacity = capacity };
	struct sci_lookup_key lookup;

	*len = 0;
	int64_t now_ms = sci_cache_lookup_ms(cache);
	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return rc;
	rc = get(cache, &lookup.name, now_ms, &copy);
	if (rc != SC_MISS)
		*len = copy.len;
	sci_key_bytes_fini(&lookup.bytes);
	return rc;
}

static int64_t read_time_ms(const void *cache)
{
	return sci_cache_coarse_ms(cache);
}

/* A short key and nothing unusual is all that there is here, so that the compiler makes it as short as it is;
 * anything else begins anew elsewhere. */
int sc_cache_get(struct sc_cache *cache, struct sc_key key, void *buffer, size_t capacity,
	size_t *len)
{
	if (!sci_key_is_short(key) || sci_is_bypassed())
		return get_any(cache, key, buffer, capacity, len);
	struct sci_short_key short_key = sci_short_key_of(key.parts);
	struct sci_short_name name = {
		.first = sci_short_key_first(short_key),
		.second = sci_short_key_second(short_key),
		.third = sci_short_key_third(short_key),
		.len = SCI_SHORT_KEY_BEFORE + key.parts->len,
		.hash = sci_short_key_hash(short_key, &cache->secret),
	};
	enum sci_peek peek = sci_shard_peek_short(sci_cache_shard(cache, name.hash), &name,
		read_time_ms, cache, buffer, capacity, len);
	if (sci_is_likely(peek == SCI_PEEK_HIT)) {
		sci_tally_hit(&cache->tally);
		return SC_HIT;
	}
	if (peek == SCI_PEEK_UNSURE)
		return get_any(cache, (struct sc_key){ key.parts, 1 }, buffer, capacity, len);
	*len = 0;
	sci_tally_miss(&cache->tally);
	return SC_MISS;
}
