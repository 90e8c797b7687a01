/* The terms of an entry: how long it lives, and what it costs to make it again. */
#ifndef SCI_CACHE_TERMS_H
#define SCI_CACHE_TERMS_H

#include <scopecache/load.h>

#include <stdint.h>

/* The tags of an entry: their slots, and the number at which it was true (tags.h). */
struct sci_entry_tags {
	uint64_t number;
	unsigned count;
	uint16_t slots[SC_TAGS_MAX];
};

/* What an entry of a cache with notes has of its own. A time of 0 is the cache's; a negative one is
 * none. */
struct sci_freshness {
	int64_t refresh_after_ms, stale_while_revalidate_ms, stale_if_error_ms;
	const char *validator;             /* NULL or "": none */
	const struct sci_entry_tags *tags; /* NULL: none */
};

/* The lifetime and cost of an entry. A negative time: do not store. 0 and SC_NO_END: no end. */
struct sci_terms {
	int64_t ttl_ms, tti_ms;
	uint64_t cost;
	const struct sci_freshness *freshness; /* NULL: the cache's */
};

#endif
