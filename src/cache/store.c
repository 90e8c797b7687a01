/* Storing and removing. A put invalidates the flights of its key. */
#include "cache/store.h"

#include "cache/cache_clock.h"
#include "cache/flight.h"
#include "cache/notes.h"
#include "cache/refresh_queue.h"
#include "cache/region.h"
#include "cache/scope.h"
#include "cache/stripes.h"
#include "cache/tags.h"

#include "base/sized.h"

/* When an entry with this time to live expires; never for SC_NO_END or an overflow. */
static int64_t deadline(int64_t now_ms, int64_t ttl_ms)
{
	int64_t expires_ms;

	if (ttl_ms == 0 || ttl_ms == SC_NO_END ||
		__builtin_add_overflow(now_ms, ttl_ms, &expires_ms))
		return SCI_NEVER;
	return expires_ms;
}

/* Store nothing: remove the older value, and free the object as one that was evicted. */
static int store_nothing_locked(struct sci_stripe *stripe, const struct sci_name *name,
	const struct sci_deposit *deposit)
{
	sci_lock_assert_held(&stripe->lock);
	sci_shard_remove(stripe->shard, name);
	if (deposit->object)
		sci_shard_add_removed(stripe->shard, &deposit->object->link);
	return SC_OK;
}

static bool is_stored(const struct sci_terms *terms)
{
	return terms->ttl_ms >= 0 && terms->tti_ms >= 0;
}

static int64_t idle_ms(const struct sci_terms *terms)
{
	return terms->tti_ms == SC_NO_END ? 0 : terms->tti_ms;
}

bool sci_cache_renew_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, struct sci_found *found, const struct sci_terms *terms,
	int64_t now_ms)
{
	sci_lock_assert_held(&stripe->lock);
	struct sci_content times = { .idle_ms = idle_ms(terms), .notes = &found->notes };

	if (!is_stored(terms))
		return false;
	int64_t ttl_ms = sci_jittered_ms(cache, stripe, name, terms->ttl_ms);
	found->notes =
		sci_notes_of_value(cache, terms->freshness, sci_notes_generation(&found->notes),
			deadline(now_ms, ttl_ms), now_ms, &times.expires_ms);
	sci_shard_renew(stripe->shard, found->offset, &times, now_ms);
	return true;
}

/* Returns the number of words. */
static unsigned write_annex(uint64_t words[SCI_ANNEX_WORDS_MAX], const struct sc_cache *cache,
	const struct sci_freshness *own)
{
	const struct sci_entry_tags none = { 0 };
	unsigned count = 0;

	if (cache->tags)
		count = sci_entry_tags_write(words, own && own->tags ? own->tags : &none);
	return own ? count + sci_validator_write(words + count, own->validator) : count;
}

int sci_cache_store_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_deposit *deposit, int64_t now_ms)
{
	sci_lock_assert_held(&stripe->lock);
	const struct sci_terms *terms = &deposit->terms;
	int64_t ttl_ms = sci_jittered_ms(cache, stripe, name, terms->ttl_ms);
	uint64_t annex[SCI_ANNEX_WORDS_MAX];
	struct sci_notes notes;
	struct sci_content content = {
		.value = deposit->data,
		.len = deposit->len,
		.object = deposit->object ? &deposit->object->link : NULL,
		.weight = deposit->object ? deposit->object->weight : 0,
		.expires_ms = deadline(now_ms, ttl_ms),
		.idle_ms = idle_ms(terms),
		.cost = terms->cost < UINT32_MAX ? (uint32_t)terms->cost : UINT32_MAX,
	};

	if (!is_stored(terms) || sci_name_is_dead(name))
		return store_nothing_locked(stripe, name, deposit);
	stripe->generation++;
	if (cache->keeps_notes) {
		notes = sci_notes_of_value(cache, terms->freshness, stripe->generation,
			content.expires_ms, now_ms, &content.expires_ms);
		content.notes = &notes;
		content.annex = annex;
		content.annex_words = write_annex(annex, cache, terms->freshness);
	}
	if (content.expires_ms != SCI_NEVER || content.idle_ms)
		atomic_store_explicit(&cache->has_deadlines, true, memory_order_relaxed);
	enum sci_store_result stored = sci_shard_put(stripe->shard, name, &content, now_ms);
	sci_region_reach_locked(stripe);

	stripe->has_objects = stripe->has_objects || content.object;
	stripe->counts.puts += stored == SCI_STORE_OK;
	stripe->counts.rejected += stored != SCI_STORE_OK;
	return stored == SCI_STORE_OK           ? SC_OK
		: stored == SCI_STORE_TOO_LARGE ? SC_E_TOO_LARGE
						: SC_E_NOMEM;
}

struct sci_terms sci_cache_terms(const struct sc_cache *cache, struct sci_terms own)
{
	return (struct sci_terms){
		.ttl_ms = own.ttl_ms ? own.ttl_ms : cache->options.ttl_ms,
		.tti_ms = own.tti_ms ? own.tti_ms : cache->options.tti_ms,
		.cost = own.cost,
		.freshness = own.freshness,
	};
}

/* The tags of a put hold from now on. */
static int read_tags(const struct sc_cache *cache, const struct sc_put_options *options,
	struct sci_entry_tags *tags)
{
	int rc = options->tag_count && !options->tags ? SC_E_INVAL : 0;

	*tags = (struct sci_entry_tags){ .number = sci_tags_number(cache->tags) };
	for (uint64_t i = 0; i < options->tag_count && rc == 0; i++)
		rc = sci_entry_tags_add(tags, cache, options->tags[i]);
	return rc;
}

/* The terms of one put. Returns 0, SC_E_INVAL or SC_E_TOO_LARGE. */
static int read_terms(const struct sc_cache *cache, const struct sc_put_options *options,
	struct sci_terms *terms, struct sci_freshness *freshness, struct sci_entry_tags *tags,
	const struct sc_context **context)
{
	struct sc_put_options known = { 0 };

	if (options && !sci_sized_read(&known, sizeof known, options, options->size))
		return SC_E_INVAL;
	*context = known.context;
	*freshness = (struct sci_freshness){
		.refresh_after_ms = known.refresh_after_ms,
		.stale_while_revalidate_ms = known.stale_while_revalidate_ms,
		.stale_if_error_ms = known.stale_if_error_ms,
		.validator = known.validator,
		.tags = tags,
	};
	bool is_used = known.refresh_after_ms || known.stale_while_revalidate_ms ||
		known.stale_if_error_ms || known.validator || known.tag_count;
	if (is_used && !cache->keeps_notes)
		return SC_E_INVAL;
	if (known.validator && strlen(known.validator) > SC_VALIDATOR_BYTES_MAX)
		return SC_E_TOO_LARGE;
	int rc = read_tags(cache, &known, tags);
	if (rc < 0)
		return rc;
	*terms = sci_cache_terms(cache,
		(struct sci_terms){ known.ttl_ms, known.tti_ms, known.cost,
			is_used ? freshness : NULL });
	return 0;
}

/* No clock is read if nothing expires. It may call the user's clock, so it comes before anything
 * that would have to be freed. */
static inline int64_t put_time_ms(const struct sc_cache *cache, const struct sci_terms *terms)
{
	return terms->ttl_ms || terms->tti_ms || cache->keeps_notes ? sci_cache_now_ms(cache)
								    : sci_cache_lookup_ms(cache);
}

/* An object that is not stored stays the caller's. */
static void disown(const struct sci_deposit *deposit)
{
	if (deposit->object)
		sci_blob_disown(deposit->object);
}

static inline int put(struct sc_cache *cache, struct sc_key key, const struct sci_deposit *deposit,
	int64_t now_ms)
{
	struct sci_lookup_key lookup;

	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0) {
		disown(deposit);
		return rc;
	}
	struct sci_stripe *stripe = sci_cache_stripe(cache, lookup.name.hash);
	sci_shard_expect(sci_cache_shard(cache, lookup.name.hash), &lookup.name);
	sci_stripe_lock(stripe);
	sci_flight_invalidate(cache, &lookup.name);
	rc = sci_cache_store_locked(cache, stripe, &lookup.name, deposit, now_ms);
	sci_key_fini(&lookup);
	struct sci_object_link *to_free = sci_stripe_leave(stripe);
	if (rc < 0)
		disown(deposit);
	if (to_free)
		sci_blob_release_list(to_free);
	return rc;
}

/* As the options of the put say. Not inline, so that other puts have none of its stack. */
static __attribute__((noinline)) int put_with(struct sc_cache *cache, struct sc_key key,
	const struct sci_deposit *deposit, const struct sc_context *context)
{
	struct sc_context outer;
	int rc;

	sc_context_enter(context, &outer);
	pthread_cleanup_push(sci_context_leave, &outer);
	rc = put(cache, key, deposit, put_time_ms(cache, &deposit->terms));
	pthread_cleanup_pop(1);
	return rc;
}

int sc_cache_put(struct sc_cache *cache, struct sc_key key, const void *data, size_t len)
{
	const struct sci_terms none = { 0 };
	const struct sci_deposit deposit = { data, len, NULL, sci_cache_terms(cache, none) };

	if (!data && len)
		return SC_E_INVAL;
	return put(cache, key, &deposit, put_time_ms(cache, &deposit.terms));
}

int sc_cache_put_with(struct sc_cache *cache, struct sc_key key, const void *data, size_t len,
	const struct sc_put_options *options)
{
	struct sci_deposit deposit = { .data = data, .len = len };
	struct sci_freshness freshness;
	struct sci_entry_tags tags;
	const struct sc_context *context;

	if (!data && len)
		return SC_E_INVAL;
	int rc = read_terms(cache, options, &deposit.terms, &freshness, &tags, &context);
	if (rc < 0)
		return rc;
	return context ? put_with(cache, key, &deposit, context)
		       : put(cache, key, &deposit, put_time_ms(cache, &deposit.terms));
}

int sc_cache_put_object(struct sc_cache *cache, struct sc_key key, const struct sc_object *object,
	const struct sc_put_options *options)
{
	struct sci_deposit deposit = { 0 };
	struct sci_freshness freshness;
	struct sci_entry_tags tags;
	const struct sc_context *context;

	if (!object || !object->pointer)
		return SC_E_INVAL;
	int rc = read_terms(cache, options, &deposit.terms, &freshness, &tags, &context);
	if (rc < 0)
		return rc;
	int64_t now_ms = put_time_ms(cache, &deposit.terms);
	deposit.object = sci_blob_open_object(object);
	if (!deposit.object)
		return SC_E_NOMEM;
	return context ? put_with(cache, key, &deposit, context)
		       : put(cache, key, &deposit, now_ms);
}

int sc_cache_invalidate(struct sc_cache *cache, struct sc_key key)
{
	struct sci_lookup_key lookup;

	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return rc;
	struct sci_stripe *stripe = sci_cache_stripe(cache, lookup.name.hash);
	sci_stripe_lock(stripe);
	sci_flight_invalidate(cache, &lookup.name);
	bool removed = sci_shard_remove(stripe->shard, &lookup.name);
	stripe->counts.invalidations += removed;
	if (cache->options.secret)
		sci_refresh_cancel(cache, &lookup.name);
	sci_key_fini(&lookup);
	sci_stripe_unlock(stripe);
	return removed ? SC_HIT : SC_MISS;
}

/* A load that began before is invalidated in whatever stripe its key is, and what was stored
 * before is removed from its stripe. */
void sc_cache_clear(struct sc_cache *cache)
{
	sci_flight_invalidate(cache, NULL);
	if (cache->options.secret)
		sci_refresh_cancel(cache, NULL);
	sci_blob_release_list(sci_cache_clear(cache));
}

void sci_cache_reset(struct sc_cache *cache)
{
	sci_cache_lock_all(cache);
	sci_flight_invalidate(cache, NULL);
	for (uint32_t i = 0; i < cache->stripe_count; i++) {
		sci_shard_clear(cache->stripes[i].shard);
		cache->stripes[i].counts = (struct sci_counts){ 0 };
	}
	cache->forgotten_counts = sci_thread_counts_sum(&cache->thread_counts);
	sci_cache_unlock_all(cache);
}
