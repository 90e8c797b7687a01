/* An object has no bytes to compare, so its validator is what is compared; one without is never the
 * same. */
#include "cache/refusal.h"

#include "base/error.h"
#include "base/hash.h"
#include "cache/cache_clock.h"
#include "cache/lookup.h"
#include "cache/region.h"
#include "cache/stripes.h"
#include "cache/tags.h"

#include <string.h>

/* Not a head of a key's part. */
enum { HEAD = 0xDE };

static uint64_t digest_of(const struct sc_cache *cache, const void *data, size_t len)
{
	return sci_hash_bytes(cache->secret.start, data, len, sci_hash_head(HEAD, len, 0),
		&cache->secret);
}

/* Of a value that is stored; false if it has none. */
static bool digest_found(const struct sc_cache *cache, const struct sci_found *found,
	uint64_t *digest)
{
	char validator[SC_VALIDATOR_BYTES_MAX + 1];

	if (!found->object) {
		*digest = digest_of(cache, found->value, found->len);
		return true;
	}
	sci_validator_read(validator, found, sci_tags_words(cache->tags, found));
	*digest = digest_of(cache, validator, strlen(validator));
	return validator[0] != '\0';
}

/* Of a value that was loaded. */
static bool digest_loaded(const struct sc_cache *cache, const struct sc_load *load,
	uint64_t *digest)
{
	if (!sci_blob_is_object(load->value)) {
		*digest = digest_of(cache, load->value->data, load->value->len);
		return true;
	}
	*digest = digest_of(cache, load->validator, strlen(load->validator));
	return load->validator[0] != '\0';
}

bool sci_is_refused_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, struct sc_load *load, int64_t now_ms)
{
	struct sci_found found;
	uint64_t digest;

	sci_lock_assert_held(&stripe->lock);
	if (sci_stripe_look_locked(stripe, name, now_ms, &found) != SCI_LOOKUP_HIT)
		return false;
	const uint64_t *refused = sci_refused_digest(&found);
	if (!refused || !digest_loaded(cache, load, &digest) || digest != *refused)
		return false;
	load->error = (struct sc_error){ 0 };
	sci_error_set(&load->error, SC_E_REFUSED, 0,
		"the source gave again the value that was refused");
	return true;
}

/* Remove the value, and let the next fetch load. */
static void refuse_locked(const struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_found *found, int64_t now_ms)
{
	const struct sci_notes notes = sci_notes_of_failure(0, now_ms, now_ms);
	struct sci_content content = { .expires_ms = SCI_NEVER, .notes = &notes };
	uint64_t digest;

	sci_lock_assert_held(&stripe->lock);
	stripe->counts.refused++;
	if (!digest_found(cache, found, &digest)) {
		sci_shard_remove(stripe->shard, name);
		return;
	}
	content.annex = &digest;
	content.annex_words = 1;
	sci_shard_put(stripe->shard, name, &content, now_ms);
	sci_region_reach_locked(stripe);
}

static int reject_locked(const struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, uint64_t generation, int64_t now_ms)
{
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	if (sci_stripe_look_locked(stripe, name, now_ms, &found) != SCI_LOOKUP_HIT ||
		sci_notes_kind(&found.notes) != SCI_NOTES_VALUE ||
		sci_notes_generation(&found.notes) != generation)
		return SC_MISS;
	refuse_locked(cache, stripe, name, &found, now_ms);
	return SC_HIT;
}

int sc_cache_reject(struct sc_cache *cache, struct sc_key key, uint64_t generation)
{
	struct sci_lookup_key lookup;

	if (!cache->keeps_notes)
		return SC_E_INVAL;
	int64_t now_ms = sci_cache_lookup_ms(cache);
	int rc = sci_cache_key(cache, key, &lookup);
	if (rc < 0)
		return rc;
	struct sci_stripe *stripe = sci_cache_stripe(cache, lookup.name.hash);
	sci_stripe_lock(stripe);
	rc = reject_locked(cache, stripe, &lookup.name, generation, now_ms);
	sci_key_fini(&lookup);
	sci_blob_release_list(sci_stripe_leave(stripe));
	return rc;
}
