/* Words as in RFC 9111 (fresh, stale, age) and RFC 5861 (stale-while-revalidate, stale-if-error).
 */
#include "cache/notes.h"

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
		.tag = sci_notes_tag(SCI_NOTES_VALUE, 0, generation),
	};
}

int64_t sci_stale_until_ms(const struct sc_cache *cache, int64_t fresh_until_ms)
{
	const struct sc_cache_options *options = &cache->options;

	return sci_later_ms(fresh_until_ms,
		options->stale_if_error_ms > options->stale_while_revalidate_ms
			? options->stale_if_error_ms
			: options->stale_while_revalidate_ms);
}

bool sci_found_is_due(const struct sc_cache *cache, const struct sci_found *found, int64_t now_ms)
{
	const struct sci_notes *notes = &found->notes;
	int64_t after_ms = cache->options.refresh_after_ms;

	if (!found->has_notes || sci_notes_kind(notes) != SCI_NOTES_VALUE ||
		now_ms < notes->retry_at_ms)
		return false;
	return now_ms >= notes->fresh_until_ms ||
		(after_ms && now_ms >= sci_later_ms(notes->stored_ms, after_ms));
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
