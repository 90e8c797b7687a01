/* The rules of freshness. Words as in RFC 9111 (fresh, stale, age) and RFC 5861 (stale-if-error).
 *
 * After a failed load the next one waits: for retry_after_ms, for twice as long after each further
 * failure, up to 32 times as long, or for what the loader says if that is more. */
#include "cache/freshness.h"

#include "base/error.h"
#include "cache/lookup.h"
#include "cache/region.h"

enum kind { VALUE, ABSENCE, FAILURE };

/* The tag of a note is generation:48 | failures:8 | kind:8. */
#define FAILURES_SHIFT   8
#define GENERATION_SHIFT 16

#define DOUBLINGS_MAX 5u

static uint64_t tag_of(enum kind kind, unsigned failures, uint64_t generation)
{
	return generation << GENERATION_SHIFT | (uint64_t)failures << FAILURES_SHIFT |
		(uint64_t)kind;
}

static enum kind kind_of(const struct sci_notes *notes)
{
	return (enum kind)(notes->tag & UINT8_MAX);
}

static unsigned failures_of(const struct sci_notes *notes)
{
	return notes->tag >> FAILURES_SHIFT & UINT8_MAX;
}

static uint64_t generation_of(const struct sci_notes *notes)
{
	return notes->tag >> GENERATION_SHIFT;
}

/* Times to come never wrap. */
static int64_t later(int64_t time_ms, int64_t by_ms)
{
	int64_t sum_ms;

	return __builtin_add_overflow(time_ms, by_ms, &sum_ms) ? SCI_NEVER : sum_ms;
}

bool sci_notes_are_wanted(const struct sc_cache_options *options)
{
	return options->stale_if_error_ms || options->stale_while_revalidate_ms ||
		options->refresh_after_ms || options->retry_after_ms || options->negative_ttl_ms ||
		options->track_age;
}

/* A part of the time that the key and the process's secret decide, with the number of the load: so
 * entries that were loaded together expire apart, in each environment otherwise. */
int64_t sci_jittered_ms(const struct sc_cache *cache, const struct sci_stripe *stripe,
	const struct sci_name *name, int64_t ttl_ms)
{
	uint64_t percent = cache->options.jitter_percent;

	if (percent == 0 || ttl_ms <= 0 || ttl_ms == SC_NO_END)
		return ttl_ms;
	uint64_t drawn = (name->hash ^ stripe->generation) * UINT64_C(0x9E3779B97F4A7C15) >> 32;
	uint64_t ttl = (uint64_t)ttl_ms, most = ttl / 100 * percent + ttl % 100 * percent / 100;
	uint64_t cut = (most >> 32) * drawn + ((most & UINT32_MAX) * drawn >> 32);
	return cut < ttl ? (int64_t)(ttl - cut) : 1;
}

struct sci_notes sci_notes_of_value(uint64_t generation, int64_t fresh_until_ms, int64_t now_ms)
{
	return (struct sci_notes){
		.fresh_until_ms = fresh_until_ms,
		.stored_ms = now_ms,
		.retry_at_ms = INT64_MIN,
		.tag = tag_of(VALUE, 0, generation),
	};
}

int64_t sci_stale_until_ms(const struct sc_cache *cache, int64_t fresh_until_ms)
{
	const struct sc_cache_options *options = &cache->options;

	return later(fresh_until_ms,
		options->stale_if_error_ms > options->stale_while_revalidate_ms
			? options->stale_if_error_ms
			: options->stale_while_revalidate_ms);
}

/* Whether a value may still be returned so long after it was fresh. */
static bool is_within(const struct sci_notes *notes, int64_t stale_ms, int64_t now_ms)
{
	return now_ms < later(notes->fresh_until_ms, stale_ms);
}

bool sci_found_is_due(const struct sc_cache *cache, const struct sci_found *found, int64_t now_ms)
{
	const struct sci_notes *notes = &found->notes;
	int64_t after_ms = cache->options.refresh_after_ms;

	if (!found->has_notes || kind_of(notes) != VALUE || now_ms < notes->retry_at_ms)
		return false;
	return now_ms >= notes->fresh_until_ms ||
		(after_ms && now_ms >= later(notes->stored_ms, after_ms));
}

void sci_value_describe(struct sc_value *value, const struct sci_found *found, int64_t now_ms)
{
	if (!found->has_notes)
		return;
	const struct sci_notes *notes = &found->notes;
	value->generation = generation_of(notes);
	/* Threads may see different times. */
	value->age_ms = now_ms > notes->stored_ms ? now_ms - notes->stored_ms : 0;
	value->remaining_ms =
		notes->fresh_until_ms == SCI_NEVER ? SC_NO_END : notes->fresh_until_ms - now_ms;
}

/* ---- What a fetch gets from an entry ---- */

static int pin_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, int64_t now_ms, int outcome, struct sc_value *value)
{
	sci_lock_assert_held(&stripe->lock);
	int rc = sci_cache_pin_locked(cache, stripe, found, value);
	if (rc < 0)
		return rc;
	sci_value_describe(value, found, now_ms);
	stripe->counts.stale += outcome == SC_STALE;
	return outcome;
}

/* The value of a failure is its struct sc_error, without what follows the message. */
static int known_failure(const struct sci_found *found, int64_t now_ms, struct sc_error *error)
{
	if (!error)
		return SC_E_LOAD;
	*error = (struct sc_error){ 0 };
	memcpy(error, found->value, found->len);
	error->retry_after_ms = found->notes.retry_at_ms - now_ms;
	return error->code;
}

static bool is_young_enough(const struct sci_notes *notes, const struct sci_wanted *wanted,
	int64_t now_ms)
{
	return wanted->max_age_ms == 0 || now_ms - notes->stored_ms <= wanted->max_age_ms;
}

/* A value that may be returned although it is not fresh, or not young enough. */
static bool may_be_stale(const struct sc_cache *cache, const struct sci_notes *notes,
	bool must_load, int64_t now_ms)
{
	const struct sc_cache_options *options = &cache->options;

	if (!must_load && is_within(notes, options->stale_while_revalidate_ms, now_ms))
		return true;
	return options->stale_if_error_ms && now_ms < notes->retry_at_ms &&
		is_within(notes, options->stale_if_error_ms, now_ms);
}

int sci_freshness_answer_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, const struct sci_wanted *wanted, int64_t now_ms,
	struct sc_value *value, struct sc_error *error)
{
	const struct sci_notes *notes = &found->notes;

	sci_lock_assert_held(&stripe->lock);
	if (!found->has_notes)
		return wanted->force ? 0 : sci_cache_pin_locked(cache, stripe, found, value);
	bool must_load = wanted->force || !is_young_enough(notes, wanted, now_ms);
	bool must_wait = now_ms < notes->retry_at_ms;
	switch (kind_of(notes)) {
	case ABSENCE:
		if (wanted->force)
			return 0;
		stripe->counts.known_absences++;
		return sci_error_plain(error, SC_E_ABSENT);
	case FAILURE:
		stripe->counts.known_failures += must_wait;
		return must_wait ? known_failure(found, now_ms, error) : 0;
	case VALUE:
		break;
	}
	if (!must_load && sci_found_is_fresh(found, now_ms))
		return pin_locked(cache, stripe, found, now_ms, SC_HIT, value);
	return may_be_stale(cache, notes, must_load, now_ms)
		? pin_locked(cache, stripe, found, now_ms, SC_STALE, value)
		: 0;
}

/* ---- What is noted of a load without a value ---- */

static void remember_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, struct sci_content content, const struct sci_notes *notes)
{
	sci_lock_assert_held(&stripe->lock);
	content.notes = notes;
	atomic_store_explicit(&cache->has_deadlines, true, memory_order_relaxed);
	sci_shard_put(stripe->shard, name, &content, notes->stored_ms);
	sci_region_reach_locked(stripe);
}

static void absent_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, int64_t now_ms)
{
	const struct sci_notes notes = { INT64_MIN, now_ms, INT64_MIN, tag_of(ABSENCE, 0, 0) };
	int64_t keep_ms = cache->options.negative_ttl_ms;

	sci_lock_assert_held(&stripe->lock);
	if (keep_ms)
		remember_locked(cache, stripe, name,
			(struct sci_content){ .expires_ms = later(now_ms, keep_ms) }, &notes);
	else
		sci_shard_remove(stripe->shard, name);
}

/* How long the load after so many failures in a row waits. */
static int64_t wait_ms(const struct sc_cache *cache, const struct sc_load *load, unsigned failures)
{
	unsigned doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
	int64_t wait_ms, own_ms = cache->options.retry_after_ms;

	if (__builtin_mul_overflow(own_ms, INT64_C(1) << doublings, &wait_ms))
		wait_ms = SCI_NEVER;
	return wait_ms > load->retry_after_ms ? wait_ms : load->retry_after_ms;
}

int sci_freshness_failed_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_made *made, struct sc_value *value)
{
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	if (!cache->keeps_notes || !made->returned)
		return made->result;
	if (made->result == SC_E_ABSENT) {
		absent_locked(cache, stripe, name, made->now_ms);
		return made->result;
	}
	bool is_there = sci_shard_look(stripe->shard, name, made->now_ms, &found) == SCI_LOOKUP_HIT;
	unsigned failures = is_there ? failures_of(&found.notes) + 1 : 1;
	if (failures > UINT8_MAX)
		failures = UINT8_MAX;
	struct sc_error *error = &made->load->error;
	error->retry_after_ms = wait_ms(cache, made->load, failures);
	struct sci_notes notes = { INT64_MIN, made->now_ms,
		later(made->now_ms, error->retry_after_ms), tag_of(FAILURE, failures, 0) };
	if (is_there && kind_of(&found.notes) == VALUE) {
		found.notes.retry_at_ms = notes.retry_at_ms;
		found.notes.tag = tag_of(VALUE, failures, generation_of(&found.notes));
		sci_shard_renote(stripe->shard, found.offset, &found.notes);
		return may_be_stale(cache, &found.notes, true, made->now_ms)
			? pin_locked(cache, stripe, &found, made->now_ms, SC_STALE, value)
			: made->result;
	}
	/* Kept for longer than it has to, so that the failures in a row are counted. */
	if (error->retry_after_ms > 0)
		remember_locked(cache, stripe, name,
			(struct sci_content){
				.value = error,
				.len = offsetof(struct sc_error, message) + strlen(error->message),
				.expires_ms = later(notes.retry_at_ms, error->retry_after_ms),
			},
			&notes);
	return made->result;
}
