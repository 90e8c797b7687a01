/* After a failed load the next one waits: for retry_after_ms, for twice as long after each further
 * failure, up to 32 times as long, or for what the loader says if that is more. */
#include "cache/freshness.h"

#include "base/clock.h"
#include "cache/bypass.h"
#include "cache/cache_time.h"
#include "cache/notes.h"
#include "cache/options.h"
#include "cache/refusal.h"
#include "cache/scope.h"
#include "cache/tags.h"
#include "cache/region.h"
#include "cache/usual.h"

#define DOUBLINGS_MAX 5u

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
	struct sc_error known = { 0 };

	memcpy(&known, found->value, found->len < sizeof known ? found->len : sizeof known);
	known.retry_after_ms = found->notes.due_at_ms - now_ms;
	if (error)
		*error = known;
	return known.code;
}

static bool is_young_enough(const struct sci_notes *notes, const struct sci_wanted *wanted,
	int64_t now_ms)
{
	return wanted->max_age_ms == 0 || now_ms - notes->stored_ms <= wanted->max_age_ms;
}

/* Whether a load would usually end after the invocation's deadline. */
static bool would_overrun(const struct sc_cache *cache)
{
	int64_t deadline_ms = sci_invocation_deadline_mono_ms();

	return deadline_ms != INT64_MAX &&
		!sci_usual_fits(&cache->usual_load_us, deadline_ms - sci_mono_ms());
}

/* Whether a value may be returned at once, although it is not fresh or not young enough. */
static bool may_be_stale(const struct sc_cache *cache, const struct sci_notes *notes,
	bool must_load, int64_t now_ms)
{
	if (!must_load && now_ms < notes->revalidate_until_ms)
		return true;
	return sci_notes_allow_stale_if_error(notes) &&
		(sci_notes_must_wait(notes, now_ms) || would_overrun(cache));
}

static int take_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, const struct sci_wanted *wanted, int64_t now_ms,
	struct sc_value *value, struct sc_error *error)
{
	const struct sci_notes *notes = &found->notes;

	sci_lock_assert_held(&stripe->lock);
	if (!found->has_notes)
		return wanted->force ? 0 : sci_cache_pin_locked(cache, stripe, found, value);
	bool must_load = wanted->force || !is_young_enough(notes, wanted, now_ms);
	bool must_wait = sci_notes_must_wait(notes, now_ms);
	switch (sci_notes_kind(notes)) {
	case SCI_NOTES_ABSENCE:
		if (wanted->force)
			return 0;
		stripe->counts.known_absences++;
		return sci_error_plain(error, SC_E_ABSENT);
	case SCI_NOTES_FAILURE:
		stripe->counts.known_failures += must_wait;
		return must_wait ? known_failure(found, now_ms, error) : 0;
	case SCI_NOTES_VALUE:
		break;
	}
	if (!must_load && sci_found_is_fresh(found, now_ms))
		return pin_locked(cache, stripe, found, now_ms, SC_HIT, value);
	return may_be_stale(cache, notes, must_load, now_ms)
		? pin_locked(cache, stripe, found, now_ms, SC_STALE, value)
		: 0;
}

struct sci_answer sci_freshness_answer_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sci_wanted *wanted, int64_t now_ms,
	struct sc_value *value, struct sc_error *error)
{
	struct sci_answer answer = { 0, false };
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	enum sci_lookup lookup = sci_stripe_look_up_locked(stripe, name, now_ms, &found);
	if (lookup == SCI_LOOKUP_HIT) {
		answer.result = take_locked(cache, stripe, &found, wanted, now_ms, value, error);
		answer.needs_refresh = answer.result > 0 && sci_found_is_due(cache, &found, now_ms);
	}
	if (answer.result == SC_E_NOMEM)
		sci_error_plain(error, SC_E_NOMEM);
	sci_stripe_count_locked(stripe, answer.result == SC_HIT, lookup);
	return answer;
}

/* ---- What is noted of a load without a value ---- */

static void remember_locked(struct sci_stripe *stripe, const struct sci_name *name,
	struct sci_content content, const struct sci_notes *notes)
{
	sci_lock_assert_held(&stripe->lock);
	if (sci_name_is_dead(name))
		return;
	content.notes = notes;
	sci_shard_put(stripe->shard, name, &content, notes->stored_ms);
	sci_region_reach_locked(stripe);
}

static void absent_locked(const struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, const struct sc_load *load, int64_t now_ms)
{
	const struct sci_notes notes = sci_notes_of_absence(now_ms);
	struct sci_content content = { 0 };
	uint64_t tags[SCI_ANNEX_WORDS_MAX];
	int64_t keep_ms = load->terms.ttl_ms;

	sci_lock_assert_held(&stripe->lock);
	if (keep_ms == 0)
		keep_ms = cache->options.negative_ttl_ms;
	content.expires_ms = sci_later_ms(now_ms, keep_ms);
	if (cache->tags) {
		content.annex = tags;
		content.annex_words = sci_entry_tags_write(tags, &load->tags);
	}
	if (keep_ms > 0)
		remember_locked(stripe, name, content, &notes);
	else
		sci_shard_remove(stripe->shard, name);
}

/* How long the load after so many failures in a row waits. */
static int64_t backoff_ms(const struct sc_cache *cache, const struct sc_load *load,
	unsigned failures)
{
	unsigned doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
	int64_t wait_ms, own_ms = cache->options.retry_after_ms;

	if (own_ms == 0 && load->error.code == SC_E_REFUSED)
		own_ms = SCI_RETRY_AFTER_MS;
	if (__builtin_mul_overflow(own_ms, INT64_C(1) << doublings, &wait_ms))
		wait_ms = SCI_NEVER;
	return wait_ms > load->retry_after_ms ? wait_ms : load->retry_after_ms;
}

/* A value that may be returned in place of this failure, or the failure. */
static int instead_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_found *found, int failure, int64_t now_ms, struct sc_value *value)
{
	sci_lock_assert_held(&stripe->lock);
	bool may_be_stale = sci_notes_kind(&found->notes) == SCI_NOTES_VALUE &&
		sci_notes_allow_stale_if_error(&found->notes);
	return may_be_stale ? pin_locked(cache, stripe, found, now_ms, SC_STALE, value) : failure;
}

int sci_freshness_instead_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, int failure, int64_t now_ms, struct sc_value *value)
{
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	if (!cache->keeps_notes || sci_is_bypassed() ||
		sci_stripe_look_locked(stripe, name, now_ms, &found) != SCI_LOOKUP_HIT)
		return failure;
	return instead_locked(cache, stripe, &found, failure, now_ms, value);
}

int sci_freshness_failed_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, struct sc_load *load, int failure, int64_t now_ms,
	struct sc_value *value)
{
	struct sci_found found;

	sci_lock_assert_held(&stripe->lock);
	if (!cache->keeps_notes)
		return failure;
	if (failure == SC_E_ABSENT) {
		absent_locked(cache, stripe, name, load, now_ms);
		return failure;
	}
	bool is_there = sci_stripe_look_locked(stripe, name, now_ms, &found) == SCI_LOOKUP_HIT;
	unsigned failures = is_there ? sci_notes_failures(&found.notes) + 1 : 1;
	if (failures > SCI_NOTES_FAILURES_MAX)
		failures = SCI_NOTES_FAILURES_MAX;
	struct sc_error *error = &load->error;
	error->retry_after_ms = backoff_ms(cache, load, failures);
	int64_t retry_at_ms = sci_later_ms(now_ms, error->retry_after_ms);
	if (is_there && sci_notes_kind(&found.notes) == SCI_NOTES_VALUE) {
		sci_notes_fail(&found.notes, failures, retry_at_ms);
		sci_shard_renote(stripe->shard, found.offset, &found.notes);
		return instead_locked(cache, stripe, &found, failure, now_ms, value);
	}
	const struct sci_notes notes = sci_notes_of_failure(failures, retry_at_ms, now_ms);
	struct sci_content content = {
		.value = error,
		.len = offsetof(struct sc_error, message) + strlen(error->message),
		/* Kept for longer than it has to, so that the failures in a row are counted. */
		.expires_ms = sci_later_ms(retry_at_ms, error->retry_after_ms),
	};
	/* What was refused stays so. */
	const uint64_t *refused = is_there ? sci_refused_digest(&found) : NULL;
	uint64_t digest = refused ? *refused : 0;
	if (refused) {
		content.expires_ms = SCI_NEVER;
		content.annex = &digest;
		content.annex_words = 1;
	}
	if (refused || error->retry_after_ms > 0)
		remember_locked(stripe, name, content, &notes);
	return failure;
}
