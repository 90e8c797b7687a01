/* What the process does for its secret caches at its edges: at the end of an invocation and at its
 * own end; and in a child (fork.h). */
#ifndef SCI_CACHE_SECRETS_H
#define SCI_CACHE_SECRETS_H

#include "cache/handle.h"

/* A cache was opened, or is closed. The last call of those that close a secret cache. */
void sci_secrets_opened(const struct sc_cache *cache);
void sci_secrets_closed(const struct sc_cache *cache);

/* At the end of an invocation: wipe what has expired in secret caches. May call the user's clocks
 * and functions that free objects. */
void sci_secrets_expire(void);

/* Clear all secret caches. Returns the objects. */
struct sci_object_link *sci_secrets_clear(void);

#endif
