/* Words as in RFC 9111 (fresh, stale, age) and RFC 5861 (stale-while-revalidate, stale-if-error).
 */
#include "cache/notes.h"

bool sci_notes_are_wanted(const struct sc_cache_options *options)
{
	return options->stale_if_error_ms || options->stale_while_revalidate_ms ||
		options->refresh_after_ms || options->retry_after_ms || options->negative_ttl_ms ||
		options->track_age || options->tags;
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

/* The time that an entry has of its own, or else the cache's; a negative one is none. */
static int64_t own_or(int64_t own_ms, int64_t of_cache_ms)
{
	if (own_ms == 0)
		return of_cache_ms;
	return own_ms > 0 ? own_ms : 0;
}

static bool has_loader(const struct sc_cache *cache)
{
	return cache->options.loader || cache->options.batch_loader;
}

struct sci_notes sci_notes_of_value(const struct sc_cache *cache, const struct sci_freshness *own,
	uint64_t generation, int64_t fresh_until_ms, int64_t now_ms, int64_t *expires_ms)
{
	const struct sc_cache_options *options = &cache->options;
	static const struct sci_freshness none;
	struct sci_notes notes = {
		.fresh_until_ms = fresh_until_ms,
		.stored_ms = now_ms,
		.due_at_ms = fresh_until_ms,
		.revalidate_until_ms = fresh_until_ms,
		.tag = generation << SCI_NOTES_GENERATION_SHIFT,
	};

	own = own ? own : &none;
	int64_t on_error_ms = own_or(own->stale_if_error_ms, options->stale_if_error_ms);
	if (on_error_ms)
		notes.tag |= SCI_NOTES_STALE_IF_ERROR;
	/* Nobody waits for a refresh, so only the cache's own loader can make it. */
	if (has_loader(cache)) {
		int64_t after_ms = own_or(own->refresh_after_ms, options->refresh_after_ms);
		int64_t due_ms = sci_later_ms(now_ms, after_ms);
		if (after_ms && due_ms < notes.due_at_ms) {
			notes.due_at_ms = due_ms;
			notes.tag |= SCI_NOTES_IS_EARLY;
		}
		notes.revalidate_until_ms = sci_later_ms(fresh_until_ms,
			own_or(own->stale_while_revalidate_ms, options->stale_while_revalidate_ms));
	}
	*expires_ms = sci_later_ms(fresh_until_ms, on_error_ms);
	if (*expires_ms < notes.revalidate_until_ms)
		*expires_ms = notes.revalidate_until_ms;
	return notes;
}

static struct sci_notes notes_of(enum sci_notes_kind kind, unsigned failures, int64_t due_at_ms,
	int64_t now_ms)
{
	return (struct sci_notes){
		.fresh_until_ms = INT64_MIN,
		.stored_ms = now_ms,
		.due_at_ms = due_at_ms,
		.revalidate_until_ms = INT64_MIN,
		.tag = sci_notes_tag(kind, failures),
	};
}

struct sci_notes sci_notes_of_absence(int64_t now_ms)
{
	return notes_of(SCI_NOTES_ABSENCE, 0, SCI_NEVER, now_ms);
}

struct sci_notes sci_notes_of_failure(unsigned failures, int64_t retry_at_ms, int64_t now_ms)
{
	return notes_of(SCI_NOTES_FAILURE, failures, retry_at_ms, now_ms);
}

/* After a failed load due_at_ms is when another may begin, and not a reason for it. */
bool sci_found_is_due(const struct sc_cache *cache, const struct sci_found *found, int64_t now_ms)
{
	const struct sci_notes *notes = &found->notes;

	return found->has_notes && sci_notes_kind(notes) == SCI_NOTES_VALUE &&
		now_ms >= notes->due_at_ms &&
		(now_ms >= notes->fresh_until_ms || (notes->tag & SCI_NOTES_IS_EARLY)) &&
		has_loader(cache);
}

void sci_value_describe(struct sc_value *value, const struct sci_found *found, int64_t now_ms)
{
	if (!found->has_notes)
		return;
	const struct sci_notes *notes = &found->notes;
	value->generation = sci_notes_generation(notes);
	/* Threads may see different times. */
	value->age_ms = now_ms > notes->stored_ms ? now_ms - notes->stored_ms : 0;
	value->remaining_ms =
		notes->fresh_until_ms == SCI_NEVER ? SC_NO_END : notes->fresh_until_ms - now_ms;
}

unsigned sci_validator_write(uint64_t *words, const char *validator)
{
	size_t len = validator ? strlen(validator) : 0;
	unsigned count = (unsigned)((len + sizeof words[0] - 1) / sizeof words[0]);

	if (count == 0)
		return 0;
	words[count - 1] = 0;
	memcpy(words, validator, len);
	return count;
}

void sci_validator_read(char validator[SC_VALIDATOR_BYTES_MAX + 1], const struct sci_found *found,
	unsigned from)
{
	size_t len = found->has_notes ? (found->annex_words - from) * sizeof(uint64_t) : 0;

	if (len > SC_VALIDATOR_BYTES_MAX)
		len = 0; /* of another kind */
	if (len)
		memcpy(validator, found->annex + from, len);
	validator[len] = '\0';
}
