/* Values that somebody refused (a password that the database did not take): sc_cache_reject()
 * removes one and leaves its digest, so that a source that gives the same again is noticed.
 *
 * The digest is the annex of an entry that is a failure (notes.h): with no failures in a row the
 * next fetch loads, and otherwise it waits as after any failed load. */
#ifndef SCI_CACHE_REFUSAL_H
#define SCI_CACHE_REFUSAL_H

#include "cache/load.h"
#include "cache/notes.h"

/* The annex of a digest has one word. */
static inline const uint64_t *sci_refused_digest(const struct sci_found *found)
{
	bool has_one = sci_notes_kind(&found->notes) == SCI_NOTES_FAILURE && found->annex_words;

	return has_one ? found->annex : NULL;
}

/* Whether the value that was loaded is the one that was refused; then its error says so. */
bool sci_is_refused_locked(struct sc_cache *cache, struct sci_stripe *stripe,
	const struct sci_name *name, struct sc_load *load, int64_t now_ms)
	SCI_REQUIRES(stripe->lock);

#endif
