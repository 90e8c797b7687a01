/* Flights (single-flight): one thread, the leader, makes something; threads that want the same
 * wait for it.
 *
 * A flight lasts from the first thread that joins it, which becomes its leader, until the leader
 * completes it with a result. It is for a subject (a cache, a resource) and a name (a key and its
 * hash, or NULL for the subject itself).
 *
 * The user's code makes it and may not return: it throws, or its thread ends. So the leader
 * completes the flight also in a cleanup handler. */
#ifndef SCI_CACHE_FLIGHT_H
#define SCI_CACHE_FLIGHT_H

#include "base/lock.h"
#include "cache/blob.h"

#include <scopecache/error.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A completed flight has a result for its waiters. 0: look again. */
struct sci_flight {
	int result;
	struct sc_error error;
	struct sci_blob *blob;

	int64_t began_mono_ms;

	/* Private to flight.c. */
	const void *subject;
	pthread_t owner;
	struct sci_flight *next;
	pthread_cond_t completion;
	unsigned references;
	bool completed, invalidated;
	bool is_secret; /* wiped when it is freed */
	uint64_t hash;
	size_t key_len;
	uint64_t words[]; /* the key, laid out as in struct sci_name */
};

/* The name of a flight, valid as long as it is referenced; not for a flight without one. */
struct sci_name sci_flight_name(const struct sci_flight *flight);

enum sci_flight_role {
	SCI_FLIGHT_LEADER, /* make it, and call sci_flight_complete() in any case */
	SCI_FLIGHT_WAITER, /* another thread makes it: sci_flight_wait(), then sci_flight_leave() */
	SCI_FLIGHT_NOMEM
};

/* Find the flight for a thing, or begin one, whose key is wiped in the end if it is a secret. Call
 * it with the lock that guards the thing, so that no flight completes between the miss and the
 * join. */
enum sci_flight_role sci_flight_join(const void *subject, const struct sci_name *name,
	bool is_secret, struct sci_flight **flight);

/* Wait until the flight is completed. Call it without a lock. A thread that is cancelled while it
 * waits leaves the flight.
 *
 * returns  0: the result may be read until sci_flight_leave(). SC_E_CYCLE when the flight is this
 *          thread's own, or waits, through whatever others, for one that is. SC_E_DEADLINE when
 *          `deadline_mono_ms` passed. */
int sci_flight_wait(struct sci_flight *flight, int64_t deadline_mono_ms);

void sci_flight_leave(struct sci_flight *flight);

/* Wait and leave, for a flight whose result is all there is. Returns the result, or why the wait
 * ended, with `error` (NULL is allowed) set if it is negative. */
int sci_flight_follow(struct sci_flight *flight, int64_t deadline_mono_ms, struct sc_error *error);

/* Complete the flight that this thread leads, for its waiters, and leave it. `error` may be NULL
 * if `result` is not negative; `blob` may be NULL, else the waiters get a reference. */
void sci_flight_complete(struct sci_flight *flight, int result, const struct sc_error *error,
	struct sci_blob *blob);

/* The thing was changed while it is being made: threads that join later need a new flight. With
 * `name` NULL all flights of the subject. Call it with the lock that guards the thing; for a
 * subject with several locks, before its things are removed. */
void sci_flight_invalidate(const void *subject, const struct sci_name *name);

/* Nobody joins from now on the flight that this thread leads: what it made is about to be stored,
 * and may be invalidated before the flight is completed. Returns whether it was invalidated. */
bool sci_flight_close(struct sci_flight *flight);

#endif
