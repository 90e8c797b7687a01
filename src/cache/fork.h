/* Fork handlers: after fork() the child can use the caches that it inherited. */
#ifndef SCI_CACHE_FORK_H
#define SCI_CACHE_FORK_H

struct sc_cache;

/* Add a cache to the list whose locks a fork takes. Returns 0, or SC_E_NOMEM. */
int sci_fork_watch(struct sc_cache *cache);
void sci_fork_forget(struct sc_cache *cache);

enum sci_fork_stage { SCI_FORK_BEFORE, SCI_FORK_IN_PARENT, SCI_FORK_IN_CHILD };

/* Take (before) or release (after) the lock that is private to the file of each function. */
void sci_cache_time_fork(enum sci_fork_stage stage);
void sci_resource_fork(enum sci_fork_stage stage);
void sci_flight_fork(enum sci_fork_stage stage);

#endif
