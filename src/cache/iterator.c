/* Iteration over all keys, stripe by stripe. The iterator takes up to STEPS_LOCKED steps of the
 * engine's walk under the lock of a stripe and copies the keys out, so the caller reads them with
 * no lock held. An iterator is used by one thread at a time. */
#include "cache/cache_clock.h"
#include "cache/handle.h"
#include "cache/memory.h"
#include "engine/walk.h"

/* Bounds the time for which a lock is held. */
#define STEPS_LOCKED 256u

#define KEYS_BYTES_MIN 4096u

/* Copied keys, each as its length and its bytes. */
struct batch {
	unsigned char *bytes;
	size_t capacity, len, at;
};

struct sc_iterator {
	struct sc_cache *cache;
	uint32_t stripe; /* the current one; the cache's stripe count at the end */
	uint64_t step;
	uint64_t steps; /* of each stripe */
	struct batch batch;
	char *text; /* texts of the last returned key; room for any key of a batch */
	struct sci_key_parts parts;
	struct sc_key key;
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

/* Give the batch, which must be empty, a capacity of `capacity` bytes. */
static int grow(struct sc_iterator *iterator, size_t capacity)
{
	unsigned char *bytes = sci_alloc(capacity);
	char *text = sci_alloc(sci_key_text_bytes(capacity));

	if (!bytes || !text) {
		sci_free(bytes);
		sci_free(text);
		return SC_E_NOMEM;
	}
	sci_free(iterator->batch.bytes);
	sci_free(iterator->text);
	iterator->text = text;
	iterator->batch = (struct batch){ .bytes = bytes, .capacity = capacity };
	return 0;
}

int sc_iterator_open(struct sc_iterator **out, struct sc_cache *cache)
{
	uint64_t steps = sci_walk_steps(cache->stripes[0].shard);
	struct sc_iterator *iterator =
		sci_alloc(sizeof *iterator + steps * sizeof iterator->tags[0]);

	*out = NULL;
	if (!iterator)
		return SC_E_NOMEM;
	*iterator = (struct sc_iterator){ .cache = cache, .steps = steps };
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
	sci_free(iterator->batch.bytes);
	sci_free(iterator->text);
	sci_free(iterator);
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

/* Take steps until the next does not fit into the batch, or STEPS_LOCKED are taken. Returns the
 * bytes that the next step needs if it does not fit, otherwise 0. */
static size_t take_steps_locked(struct sc_iterator *iterator, const struct sci_shard *shard,
	int64_t now_ms)
{
	uint64_t left = iterator->steps - iterator->step;
	uint64_t end = iterator->step + (left < STEPS_LOCKED ? left : STEPS_LOCKED);
	struct batch *batch = &iterator->batch;

	for (; iterator->step < end; iterator->step++) {
		struct sci_walk_key keys[SCI_WALK_KEYS_MAX];
		unsigned count = sci_walk_step(shard, iterator->tags, iterator->step, now_ms, keys);
		size_t bytes = bytes_of(keys, count);
		if (bytes > batch->capacity - batch->len)
			return bytes;
		for (unsigned i = 0; i < count; i++)
			add(batch, &keys[i]);
	}
	return 0;
}

/* Fill the batch, which must be empty. Returns 0, also if the batch stays empty, or SC_E_NOMEM. */
static int fill(struct sc_iterator *iterator)
{
	struct sc_cache *cache = iterator->cache;
	int64_t now_ms = sci_cache_lookup_ms(cache);
	struct sci_stripe *stripe = &cache->stripes[iterator->stripe];

	iterator->batch.len = iterator->batch.at = 0;
	sci_stripe_lock(stripe);
	size_t wanted = take_steps_locked(iterator, stripe->shard, now_ms);
	sci_stripe_unlock(stripe);
	if (wanted > iterator->batch.capacity)
		return grow(iterator, wanted);
	if (iterator->step == iterator->steps && ++iterator->stripe < cache->stripe_count)
		begin_stripe(iterator);
	return 0;
}

/* Decode the next key of the batch, which must not be empty. */
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
