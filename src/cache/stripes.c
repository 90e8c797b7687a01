/* Lock striping: a cache that several threads change is divided by the keys' hashes into shards
 * with a lock each, so that threads seldom contend, and a writer never stops readers of other
 * shards.
 *
 * Dividing has a cost: a shard may be full while another has room, each learns from its own keys
 * alone, and no value can be larger than a shard. So a cache is divided only if its options name
 * several threads, into four times as many shards, as long as these are large enough to cost
 * little.
 *
 * Locks of several stripes are taken in the order of the stripes. */
#include "cache/stripes.h"

#include <unistd.h>

#define STRIPES_A_THREAD   4u
#define STRIPE_ENTRIES_MIN 1024u
#define STRIPE_BYTES_MIN   (1u << 20)

uint32_t sci_stripes_for(const struct sc_cache_options *options)
{
	uint64_t wanted = options->concurrency > 1 ? options->concurrency * STRIPES_A_THREAD : 1;
	uint32_t stripes = 1;

	while (stripes < wanted && stripes < SCI_STRIPES_MAX &&
		options->max_bytes / (stripes * 2) >= STRIPE_BYTES_MIN &&
		(options->max_entries == 0 ||
			options->max_entries / (stripes * 2) >= STRIPE_ENTRIES_MIN))
		stripes *= 2;
	return stripes;
}

/* Each of several shards begins and ends on a page, so that pages behind an end can be given back
 * and no two shards share a page. */
uint64_t sci_stripe_bytes(uint64_t bytes, uint32_t stripes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return stripes == 1 ? bytes : bytes / stripes / page * page;
}

uint64_t sci_stripes_bytes_least(const struct sc_cache *cache)
{
	uint64_t least = sci_shard_bytes_least(cache->stripes[0].shard);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return cache->stripe_count == 1 ? least
					: (least + page - 1) / page * page * cache->stripe_count;
}

/* Work under the lock is mostly shorter than sleeping and waking: spin first, where the C library
 * can. */
static void init_lock(struct sci_lock *lock)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
#ifdef __GLIBC__
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
	pthread_mutex_init(&lock->mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	sci_lock_note(lock, 0);
}

void sci_stripes_format(struct sc_cache *cache)
{
	const struct sc_cache_options *options = &cache->options;
	uint64_t grow_entries = options->max_entries ? options->grow_entries : 0;
	struct sci_shard_options shard = {
		.policy = options->policy == SC_POLICY_LRU ? SCI_POLICY_LRU : SCI_POLICY_COUNTED,
		.bytes = cache->shard_bytes,
		.max_entries = (grow_entries + cache->stripe_count - 1) / cache->stripe_count,
		.entry_bytes = options->entry_bytes,
		.is_secret = options->secret,
	};

	for (uint32_t i = 0; i < cache->stripe_count; i++) {
		void *memory = (char *)cache->region + i * cache->shard_bytes;
		cache->stripes[i].tags = cache->tags;
		cache->stripes[i].shard = sci_shard_format(memory, &shard);
	}
}

void sci_stripes_init(struct sc_cache *cache)
{
	sci_stripes_format(cache);
	for (uint32_t i = 0; i < cache->stripe_count; i++) {
		struct sci_stripe *stripe = &cache->stripes[i];
		init_lock(&stripe->lock);
		stripe->hold = (uint64_t)i << SCI_HOLD_STRIPE_SHIFT |
			(cache->options.secret ? SCI_HOLD_SECRET : 0);
	}
}

void sci_stripes_fini(struct sc_cache *cache)
{
	for (uint32_t i = 0; i < cache->stripe_count; i++)
		pthread_mutex_destroy(&cache->stripes[i].lock.mutex);
}

SCI_UNCHECKED void sci_cache_lock_all(struct sc_cache *cache)
{
	for (uint32_t i = 0; i < cache->stripe_count; i++)
		sci_stripe_lock(&cache->stripes[i]);
}

SCI_UNCHECKED void sci_cache_unlock_all(struct sc_cache *cache)
{
	struct sci_object_link *to_free = NULL;

	for (uint32_t i = cache->stripe_count; i-- > 0;) {
		struct sci_object_link *first = sci_stripe_leave(&cache->stripes[i]);
		sci_object_list_append(&first, to_free);
		to_free = first;
	}
	sci_blob_release_list(to_free);
}

struct sci_object_link *sci_cache_clear(struct sc_cache *cache)
{
	struct sci_object_link *to_free = NULL;

	for (uint32_t i = 0; i < cache->stripe_count; i++) {
		struct sci_stripe *stripe = &cache->stripes[i];
		sci_stripe_lock(stripe);
		stripe->counts.invalidations += sci_shard_clear(stripe->shard);
		struct sci_object_link *first = sci_stripe_leave(stripe);
		sci_object_list_append(&first, to_free);
		to_free = first;
	}
	return to_free;
}
