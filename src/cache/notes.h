/* What a cache notes with its entries, if its options ask for it: when they were stored, until when
 * they are fresh, when a load is due, and what is known of loads that gave no value. An entry with
 * notes is one of
 *
 *	a value		fresh, and then stale: until revalidate_until_ms a fetch takes it at once;
 *			until it expires, if it may be stale on errors, when loads fail
 *	an absence	the source has no value, for negative_ttl_ms
 *	a failure	the load failed; no other begins before due_at_ms
 *
 * The annex of a value has its tags, in a cache with tags (tags.h), and its validator; that of a
 * failure what was refused (refusal.h). */
#ifndef SCI_CACHE_NOTES_H
#define SCI_CACHE_NOTES_H

#include "cache/handle.h"
#include "cache/terms.h"

enum sci_notes_kind { SCI_NOTES_VALUE, SCI_NOTES_ABSENCE, SCI_NOTES_FAILURE };

/* The tag of notes is generation:48 | failures in a row:4 | refreshed while fresh:1 |
 * stale if error:1 | kind:2, above what is the engine's. */
#define SCI_NOTES_STALE_IF_ERROR   (UINT64_C(1) << (SCI_NOTES_TAG_SHIFT + 2))
#define SCI_NOTES_IS_EARLY         (UINT64_C(1) << (SCI_NOTES_TAG_SHIFT + 3))
#define SCI_NOTES_FAILURES_SHIFT   (SCI_NOTES_TAG_SHIFT + 4)
#define SCI_NOTES_FAILURES_MAX     15u
#define SCI_NOTES_GENERATION_SHIFT (SCI_NOTES_TAG_SHIFT + 8)

static inline uint64_t sci_notes_tag(enum sci_notes_kind kind, unsigned failures)
{
	return (uint64_t)failures << SCI_NOTES_FAILURES_SHIFT |
		(uint64_t)kind << SCI_NOTES_TAG_SHIFT;
}

static inline enum sci_notes_kind sci_notes_kind(const struct sci_notes *notes)
{
	return (enum sci_notes_kind)(notes->tag >> SCI_NOTES_TAG_SHIFT & 3);
}

static inline bool sci_notes_allow_stale_if_error(const struct sci_notes *notes)
{
	return notes->tag & SCI_NOTES_STALE_IF_ERROR;
}

static inline unsigned sci_notes_failures(const struct sci_notes *notes)
{
	return notes->tag >> SCI_NOTES_FAILURES_SHIFT & SCI_NOTES_FAILURES_MAX;
}

/* Note a failure more, after which no load begins before `retry_at_ms`. */
static inline void sci_notes_fail(struct sci_notes *notes, unsigned failures, int64_t retry_at_ms)
{
	notes->tag &= ~((uint64_t)SCI_NOTES_FAILURES_MAX << SCI_NOTES_FAILURES_SHIFT);
	notes->tag |= (uint64_t)failures << SCI_NOTES_FAILURES_SHIFT;
	notes->due_at_ms = retry_at_ms;
}

static inline uint64_t sci_notes_generation(const struct sci_notes *notes)
{
	return notes->tag >> SCI_NOTES_GENERATION_SHIFT;
}

/* Whether the last load failed, and it is too early for another. */
static inline bool sci_notes_must_wait(const struct sci_notes *notes, int64_t now_ms)
{
	return sci_notes_failures(notes) > 0 && now_ms < notes->due_at_ms;
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

/* The notes of a value that is stored now and fresh until then; `own` may be NULL. *expires_ms is
 * set to when it expires. */
struct sci_notes sci_notes_of_value(const struct sc_cache *cache, const struct sci_freshness *own,
	uint64_t generation, int64_t fresh_until_ms, int64_t now_ms, int64_t *expires_ms);

/* The notes of what is no value, which is never fresh. */
struct sci_notes sci_notes_of_absence(int64_t now_ms);
struct sci_notes sci_notes_of_failure(unsigned failures, int64_t retry_at_ms, int64_t now_ms);

/* Whether what was found is a fresh value. */
static inline bool sci_found_is_fresh(const struct sci_found *found, int64_t now_ms)
{
	return !found->has_notes || now_ms < found->notes.fresh_until_ms;
}

/* Whether it is a value that has to be refreshed. */
bool sci_found_is_due(const struct sc_cache *cache, const struct sci_found *found, int64_t now_ms);

/* Set generation, age and remaining time of a value from the notes of its entry, if it has any. */
void sci_value_describe(struct sc_value *value, const struct sci_found *found, int64_t now_ms);

/* Validators in annexes: write one to `words`, and return the number of words; and read one from
 * word `from` of what was found, "" if there is none. */
unsigned sci_validator_write(uint64_t *words, const char *validator);
void sci_validator_read(char validator[SC_VALIDATOR_BYTES_MAX + 1], const struct sci_found *found,
	unsigned from);

#endif
