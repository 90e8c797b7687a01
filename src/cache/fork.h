/* What a fork needs so that the child can use its caches. */
#ifndef SCI_CACHE_FORK_H
#define SCI_CACHE_FORK_H

struct sc_cache;

/* From now on a fork leaves this cache usable in the child. Returns 0, or SC_E_NOMEM. */
int sci_fork_watch(struct sc_cache *cache);
void sci_fork_forget(struct sc_cache *cache);

/* The open cache after this one, or the first for NULL, with a reference to it; NULL at the end.
 * Releases the reference to `cache`. */
struct sc_cache *sci_cache_next_open(struct sc_cache *cache);

enum sci_fork_stage { SCI_FORK_BEFORE, SCI_FORK_IN_PARENT, SCI_FORK_IN_CHILD };

/* The locks of the process, each taken before the fork and released after it, in its own file. */
void sci_cache_time_fork(enum sci_fork_stage stage);
void sci_resource_fork(enum sci_fork_stage stage);
void sci_flight_fork(enum sci_fork_stage stage);
void sci_refresh_fork(enum sci_fork_stage stage);
void sci_scope_fork(enum sci_fork_stage stage);

/* After the fork, with the locks of all stripes: empty a secret cache in the child. */
void sci_secrets_fork(struct sc_cache *cache, enum sci_fork_stage stage);

#endif
