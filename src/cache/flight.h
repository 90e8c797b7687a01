/* Single-flight: one thread, the leader, makes a thing; the waiters wait for it.
 *
 * The first thread to join a flight begins it and is its leader. The flight ends when the leader
 * completes it with a result. A flight is for a subject (a cache, a resource, a memo) and a name
 * (a key and its hash, or NULL for the subject itself).
 *
 * User code makes the thing and may not return: it throws, or its thread ends. So a leader also
 * completes its flight from a cleanup handler. */
#ifndef SCI_CACHE_FLIGHT_H
#define SCI_CACHE_FLIGHT_H

#include "base/lock.h"
#include "cache/blob.h"

#include <scopecache/error.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Completion sets `result`, `error` and `blob`. A result of 0: the waiters look up again. */
struct sci_flight {
	int result;
	struct sc_error error;
	struct sci_blob *blob;

	/* Private to flight.c. */
	const void *subject;
	pthread_t owner;
	struct sci_flight *next;
	pthread_cond_t completion;
	unsigned references;
	bool completed, invalidated;
	uint64_t hash;
	size_t key_len;
	uint64_t words[]; /* the key, in the layout that struct sci_name requires */
};

/* The name of a flight that has one; valid while the caller has a reference to the flight. */
struct sci_name sci_flight_name(const struct sci_flight *flight);

enum sci_join {
	SCI_JOIN_LEADER, /* make the thing, and call sci_flight_complete() in any case */
	SCI_JOIN_WAITER, /* another thread does: sci_flight_wait(), then sci_flight_leave() */
	SCI_JOIN_NOMEM
};

/* Join the flight for a thing, or begin one. Call it with the lock held that guards the thing, so
 * that no flight completes between the miss and the join. */
enum sci_join sci_flight_join(const void *subject, const struct sci_name *name,
	struct sci_flight **flight);

/* Wait until the flight is complete. Call it with no lock held. A thread that is cancelled in it
 * leaves the flight.
 *
 * returns  0: the result may be read until sci_flight_leave(). SC_E_CYCLE when this thread leads
 *          the flight, or when its leader waits, directly or through other threads, for a flight
 *          that this thread leads. SC_E_DEADLINE when `deadline_mono_ms` passed. */
int sci_flight_wait(struct sci_flight *flight, int64_t deadline_mono_ms);

void sci_flight_leave(struct sci_flight *flight);

/* Wait and leave, for a flight that needs no blob. Returns its result, or why the wait failed; if
 * negative, `error` (which may be NULL) says why. */
int sci_flight_follow(struct sci_flight *flight, int64_t deadline_mono_ms, struct sc_error *error);

/* Complete the flight that this thread leads, wake the waiters, and leave it. `error` may be NULL
 * if `result` is not negative. `blob` may be NULL; the flight takes a reference of its own. */
void sci_flight_complete(struct sci_flight *flight, int result, const struct sc_error *error,
	struct sci_blob *blob);

/* The thing was changed while it is being made: invalidate its flight, so that later threads begin
 * a new one and the leader does not store its result. With `name` NULL, all flights of the
 * subject. Call it with the lock held that guards the thing; if the things of a subject have
 * several locks, call it before removing what they contain. */
void sci_flight_invalidate(const void *subject, const struct sci_name *name);

/* Whether the flight that this thread leads was invalidated. */
bool sci_flight_is_invalidated(const struct sci_flight *flight);

#endif
