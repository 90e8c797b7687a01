/* Refreshes: loads of values that a fetch returned although they are due for a load. They run when
 * no caller waits: after an invocation's answer, or in sc_maintain(). */
#ifndef SCI_CACHE_REFRESH_H
#define SCI_CACHE_REFRESH_H

#include "cache/handle.h"

#include <pthread.h>

/* Let the value of this key be refreshed, if it is not in the queue and that has space. Allocates:
 * call it without a lock. */
void sci_refresh_request(struct sc_cache *cache, const struct sci_name *name);

/* Run refreshes until the queue is empty or the time is over; one that usually takes longer than
 * what is left does not begin. Returns whether some are left. */
bool sci_refresh_run(int64_t until_mono_ms);

/* After an invocation's answer: the same, for the process's budget. */
void sci_refresh_after_answer(void);

/* Drop the refreshes of a secret cache, or that of one of its keys: a queue must not keep the keys
 * of entries that are gone. `name` NULL: all. */
void sci_refresh_cancel(const struct sc_cache *cache, const struct sci_name *name);

/* The cache is being closed: drop its refreshes, and wait for the work on it that other threads
 * have begun without a call of its user's. */
void sci_refresh_forget(struct sc_cache *cache);

/* Such work, on its thread's stack. */
struct sci_background {
	const struct sc_cache *cache;
	pthread_t thread;
	struct sci_background *next;
};

/* Begin work on a cache to which the caller has a reference; false if it is being closed. Its end
 * must come also if the user's code does not return. */
bool sci_background_begin(struct sc_cache *cache, struct sci_background *work);
void sci_background_end(const struct sci_background *work);

#endif
