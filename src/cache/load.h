/* One load: what a loader gets, and what it sets. */
#ifndef SCI_CACHE_LOAD_H
#define SCI_CACHE_LOAD_H

#include "cache/handle.h"

#include "cache/store.h"
/* On the heap, so that nested loads take little stack. */
struct sc_load {
	struct sci_key_parts parts; /* of the key, copied */
	struct sc_key key;          /* of these parts */
	const struct sc_value *old; /* `previous`, or what an update starts from; NULL: nothing */
	struct sc_value previous;   /* what it is to replace, pinned; all zero: nothing */
	bool is_unchanged;          /* the loader says that `previous` is still right */
	struct sci_blob *value;     /* NULL until it is set */
	struct sci_terms terms;
	struct sc_error error; /* from sc_load_fail() */
	bool has_failed;       /* it failed, and has set no value since */
	int failed_with;       /* its code */
	int kind;              /* of the failure: an enum sc_load_kind */
	int64_t retry_after_ms;
	int64_t until_mono_ms;          /* when those who wait for it give up; INT64_MAX: never */
	struct sci_freshness freshness; /* of `terms` */
	struct sci_entry_tags tags;     /* of `freshness` */
	const struct sc_cache *cache;
	char old_validator[SC_VALIDATOR_BYTES_MAX + 1], validator[SC_VALIDATOR_BYTES_MAX + 1];
	size_t secret_bytes; /* of this block, for a secret cache; else 0 */
};

/* A load for this key, which is copied; NULL when out of memory. For a secret cache its key and its
 * value are wiped when they are freed. */
struct sc_load *sci_load_open(const struct sci_name *name, bool is_secret);

/* Free it, except its value. */
void sci_load_close(struct sc_load *load);

#endif
