/* The queue of refreshes: one for the process, first in, first out, one place for each key. And the
 * work that closing a cache waits for. */
#ifndef SCI_CACHE_REFRESH_QUEUE_H
#define SCI_CACHE_REFRESH_QUEUE_H

#include "cache/handle.h"

#include <pthread.h>

/* A refresh that was requested. */
struct sci_refresh {
	struct sci_refresh *next;
	struct sc_cache *cache;
	size_t secret_bytes; /* of this block, if the cache is secret; else 0 */
	uint64_t hash;
	size_t key_len;
	uint64_t words[]; /* the key, laid out as in struct sci_name */
};

/* The name of the value, valid as long as the refresh. */
struct sci_name sci_refresh_name(const struct sci_refresh *refresh);

/* Let the value of this key be refreshed, if it is not in the queue and that has space. Allocates:
 * call it without a lock. */
void sci_refresh_request(struct sc_cache *cache, const struct sci_name *name);

/* Drop the refreshes of a secret cache, or that of one of its keys: a queue must not keep the keys
 * of entries that are gone. `name` NULL: all. */
void sci_refresh_cancel(const struct sc_cache *cache, const struct sci_name *name);

/* Whether the queue has any. Takes no lock. */
bool sci_refresh_is_any(void);

/* After a run that left refreshes, expect the first of them to take a little less: a source that
 * was slow once is tried again. Returns whether it left some. */
bool sci_refresh_expect_less(void);

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

/* Take the first refresh that fits into the time that is left, and begin it as such work. NULL if
 * there is none; else end the work, and destroy the refresh. */
struct sci_refresh *sci_refresh_begin(int64_t left_ms, struct sci_background *work);
void sci_refresh_destroy(struct sci_refresh *refresh);

#endif
