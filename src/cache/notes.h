/* What a cache notes with its entries, if its options ask for it: when they were stored, until when
 * they are fresh, and what is known of loads that gave no value. An entry with notes is one of
 *
 *	a value		fresh, and then stale: for stale_while_revalidate_ms, and for
 *			stale_if_error_ms when loads fail
 *	an absence	the source has no value, for negative_ttl_ms
 *	a failure	the load failed; no other begins before retry_at_ms
 */
#ifndef SCI_CACHE_NOTES_H
#define SCI_CACHE_NOTES_H

#include "cache/handle.h"

enum sci_notes_kind { SCI_NOTES_VALUE, SCI_NOTES_ABSENCE, SCI_NOTES_FAILURE };

/* The tag of notes is generation:48 | failures in a row:8 | kind:8. */
#define SCI_NOTES_FAILURES_SHIFT   8
#define SCI_NOTES_GENERATION_SHIFT 16
#define SCI_NOTES_FAILURES_MAX     UINT8_MAX

static inline uint64_t sci_notes_tag(enum sci_notes_kind kind, unsigned failures,
	uint64_t generation)
{
	return generation << SCI_NOTES_GENERATION_SHIFT |
		(uint64_t)failures << SCI_NOTES_FAILURES_SHIFT | (uint64_t)kind;
}

static inline enum sci_notes_kind sci_notes_kind(const struct sci_notes *notes)
{
	return (enum sci_notes_kind)(notes->tag & UINT8_MAX);
}

static inline unsigned sci_notes_failures(const struct sci_notes *notes)
{
	return notes->tag >> SCI_NOTES_FAILURES_SHIFT & SCI_NOTES_FAILURES_MAX;
}

static inline uint64_t sci_notes_generation(const struct sci_notes *notes)
{
	return notes->tag >> SCI_NOTES_GENERATION_SHIFT;
}

/* The sum of two times, which does not wrap. */
static inline int64_t sci_later_ms(int64_t time_ms, int64_t by_ms)
{
	int64_t sum_ms;

	return __builtin_add_overflow(time_ms, by_ms, &sum_ms) ? SCI_NEVER : sum_ms;
}

/* Whether these options ask for notes. */
bool sci_notes_are_wanted(const struct sc_cache_options *options);

/* The time to live of an entry that is stored now: `ttl_ms`, or less where there is jitter. */
int64_t sci_jittered_ms(const struct sc_cache *cache, const struct sci_stripe *stripe,
	const struct sci_name *name, int64_t ttl_ms);

/* The notes of a value that is stored now. */
struct sci_notes sci_notes_of_value(uint64_t generation, int64_t fresh_until_ms, int64_t now_ms);

/* When a value that is fresh until then expires. */
int64_t sci_stale_until_ms(const struct sc_cache *cache, int64_t fresh_until_ms);

/* Whether what was found is a fresh value. */
static inline bool sci_found_is_fresh(const struct sci_found *found, int64_t now_ms)
{
	return !found->has_notes || now_ms < found->notes.fresh_until_ms;
}

/* Whether it is a value that has to be refreshed, and no failed load makes it wait. */
bool sci_found_is_due(const struct sc_cache *cache, const struct sci_found *found, int64_t now_ms);

/* Set generation, age and remaining time of a value from the notes of its entry, if it has any. */
void sci_value_describe(struct sc_value *value, const struct sci_found *found, int64_t now_ms);

#endif
