/* Iteration: some steps of the engine's iteration at a time, whose keys are copied under the lock
 * and returned without it. */
#include "cache/cache_clock.h"
#include "cache/handle.h"
#include "cache/memory.h"
#include "cache/scope.h"
#include "engine/walk.h"

/* Steps under the lock, at most: bounds how long it is held. */
#define STEPS_LOCKED 256u

#define KEYS_BYTES_MIN 4096u

/* Copied keys: the length of each, and its bytes. */
struct batch {
	unsigned char *bytes;
	size_t capacity, len, at;
};

struct sc_iterator {
	struct sc_cache *cache;
	uint32_t stripe; /* the present one; the number of stripes at the end */
	uint64_t step;
	uint64_t steps; /* of each stripe */
	struct batch batch;
	char *text; /* of the last key; as large as a batch */
	struct sci_key_parts parts;
	struct sc_key key;
	uint64_t scope; /* whose keys it gives */
	uint16_t tags[];
};

static void begin_stripe(struct sc_iterator *iterator)
{
	struct sci_stripe *stripe = &iterator->cache->stripes[iterator->stripe];

	iterator->step = 0;
	sci_stripe_lock(stripe);
	sci_walk_begin(stripe->shard, iterator->tags);
	sci_stripe_unlock(stripe);
}

/* Of these bytes, how many have to be wiped. */
static size_t secret(const struct sc_iterator *iterator, size_t bytes)
{
	return iterator->cache->options.secret ? bytes : 0;
}

static void free_batch(struct sc_iterator *iterator)
{
	size_t capacity = iterator->batch.capacity;

	sci_free_wiped(iterator->batch.bytes, secret(iterator, capacity));
	sci_free_wiped(iterator->text, secret(iterator, sci_key_text_bytes(capacity)));
}

/* Let the empty batch hold so many bytes of keys. */
static int grow(struct sc_iterator *iterator, size_t capacity)
{
	unsigned char *bytes = sci_alloc(capacity);
	char *text = sci_alloc(sci_key_text_bytes(capacity));

	if (!bytes || !text) {
		sci_free(bytes);
		sci_free(text);
		return SC_E_NOMEM;
	}
	free_batch(iterator);
	iterator->text = text;
	iterator->batch = (struct batch){ .bytes = bytes, .capacity = capacity };
	return 0;
}

int sc_iterator_open(struct sc_iterator **out, struct sc_cache *cache)
{
	uint64_t steps = sci_walk_steps(cache->stripes[0].shard);
	bool is_scoped = sci_is_unusual(SCI_UNUSUAL_SCOPES) && !cache->options.shared;
	uint64_t scope = is_scoped ? sci_scope_of_thread() : 0;

	*out = NULL;
	if (is_scoped && !sci_cache_may_use(cache, scope))
		return SC_E_SCOPE;
	struct sc_iterator *iterator =
		sci_alloc(sizeof *iterator + steps * sizeof iterator->tags[0]);
	if (!iterator)
		return SC_E_NOMEM;
	*iterator = (struct sc_iterator){ .cache = cache, .steps = steps, .scope = scope };
	int rc = grow(iterator, KEYS_BYTES_MIN);
	if (rc < 0) {
		sci_free(iterator);
		return rc;
	}
	begin_stripe(iterator);
	*out = iterator;
	return 0;
}

void sc_iterator_close(struct sc_iterator *iterator)
{
	if (!iterator)
		return;
	free_batch(iterator);
	sci_free_wiped(iterator, secret(iterator, sizeof *iterator));
}

static size_t bytes_of(const struct sci_walk_key *keys, unsigned count)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < count; i++)
		bytes += sizeof keys[i].len + keys[i].len;
	return bytes;
}

static void add(struct batch *batch, const struct sci_walk_key *key)
{
	unsigned char *to = batch->bytes + batch->len;

	memcpy(to, &key->len, sizeof key->len);
	memcpy(to + sizeof key->len, key->data, key->len);
	batch->len += sizeof key->len + key->len;
}

/* Leave out keys of other scopes. Returns how many are left. */
static unsigned keep_own(const struct sc_iterator *iterator, struct sci_walk_key *keys,
	unsigned count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++)
		if (sci_key_scope(keys[i].data, keys[i].len) == iterator->scope)
			keys[kept++] = keys[i];
	return sci_scope_is_live(iterator->scope) || iterator->scope == 0 ? kept : 0;
}

/* Take steps until the next does not fit, or the lock was held long enough. Returns the bytes that
 * the next needs if it does not fit, else 0. */
static size_t take_steps_locked(struct sc_iterator *iterator, const struct sci_shard *shard,
	int64_t now_ms)
{
	uint64_t left = iterator->steps - iterator->step;
	uint64_t end = iterator->step + (left < STEPS_LOCKED ? left : STEPS_LOCKED);
	struct batch *batch = &iterator->batch;

	for (; iterator->step < end; iterator->step++) {
		struct sci_walk_key keys[SCI_WALK_KEYS_MAX];
		unsigned count = keep_own(iterator, keys,
			sci_walk_step(shard, iterator->tags, iterator->step, now_ms, keys));
		size_t bytes = bytes_of(keys, count);
		if (bytes > batch->capacity - batch->len)
			return bytes;
		for (unsigned i = 0; i < count; i++)
			add(batch, &keys[i]);
	}
	return 0;
}

/* Fill the empty batch. Returns 0; it may still be empty. */
static int fill(struct sc_iterator *iterator)
{
	struct sc_cache *cache = iterator->cache;
	int64_t now_ms = sci_cache_lookup_ms(cache);
	struct sci_stripe *stripe = &cache->stripes[iterator->stripe];

	iterator->batch.len = iterator->batch.at = 0;
	sci_stripe_lock(stripe);
	size_t wanted = take_steps_locked(iterator, stripe->shard, now_ms);
	sci_stripe_unlock(stripe);
	/* What is in the batch is returned first; then the step is taken again. */
	if (wanted > iterator->batch.capacity && iterator->batch.len == 0)
		return grow(iterator, wanted);
	if (iterator->step == iterator->steps && ++iterator->stripe < cache->stripe_count)
		begin_stripe(iterator);
	return 0;
}

/* Return the next key of the batch, which is not empty. */
static void give(struct sc_iterator *iterator)
{
	struct batch *batch = &iterator->batch;
	size_t len;

	memcpy(&len, batch->bytes + batch->at, sizeof len);
	batch->at += sizeof len;
	sci_key_decode(&iterator->parts, iterator->text, batch->bytes + batch->at, len);
	batch->at += len;
	iterator->key = (struct sc_key){ iterator->parts.parts, iterator->parts.count };
}

int sc_iterator_next(struct sc_iterator *iterator, const struct sc_key **key)
{
	*key = NULL;
	while (iterator->batch.at == iterator->batch.len) {
		if (iterator->stripe == iterator->cache->stripe_count)
			return SC_MISS;
		int rc = fill(iterator);
		if (rc < 0)
			return rc;
	}
	give(iterator);
	*key = &iterator->key;
	return SC_HIT;
}
