/* Flights: one thread makes a thing, the others that want the same thing wait for it.
 *
 * A flight is under way from the moment a thread boards it first, which makes the flight its own, until
 * that thread lands it with a result. What it is for is a subject (a cache, a resource) and a name
 * (a key and its hash, or NULL for the subject itself).
 *
 * What is made is made by the user's code, which may not come back: it throws, or its thread ends. So
 * whoever leads a flight lands it also from a cleanup handler.
 */
#ifndef SCI_CACHE_FLIGHT_H
#define SCI_CACHE_FLIGHT_H

#include "base/lock.h"
#include "cache/blob.h"

#include <scopecache/error.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* After landing: its result, for those who waited. 0: they have to look again. */
struct sci_flight {
	int result;
	struct sc_error error;
	struct sci_blob *blob;

	/* Private to flight.c. */
	const void *subject;
	pthread_t owner;
	struct sci_flight *next;
	pthread_cond_t landing;
	unsigned holders;
	bool landed, invalidated;
	uint64_t hash;
	size_t key_len;
	uint64_t words[]; /* the key, laid out as struct sci_name wants its words */
};

/* What the flight is for, for as long as it is held; not for a flight without a name. */
struct sci_name sci_flight_name(const struct sci_flight *flight);

enum sci_boarding {
	SCI_FLIGHT_MINE,   /* nobody is making it: make it, and sci_flight_land() in any case */
	SCI_FLIGHT_THEIRS, /* somebody is: sci_flight_wait(), then sci_flight_leave() */
	SCI_FLIGHT_NOMEM
};

/* Find the flight for a thing, or begin one. Call it with the lock held that guards the thing, so that
 * nothing lands between finding the thing missing and boarding. */
enum sci_boarding sci_flight_board(const void *subject, const struct sci_name *name,
	struct sci_flight **flight);

/* Wait until the flight has landed. Call it with no lock held. A thread that is cancelled in it leaves
 * the flight.
 *
 * returns  0: the result may be read until sci_flight_leave(). SC_E_CYCLE when the flight is this
 *          thread's own, or waits, through whatever others, for one that is. SC_E_DEADLINE when
 *          `deadline_mono_ms` passed. */
int sci_flight_wait(struct sci_flight *flight, int64_t deadline_mono_ms);

void sci_flight_leave(struct sci_flight *flight);

/* Both, for a flight whose result is all there is. Returns that, or why the wait ended, with `error`
 * (which may be NULL) saying why when it is negative. */
int sci_flight_follow(struct sci_flight *flight, int64_t deadline_mono_ms, struct sc_error *error);

/* End this thread's own flight with a result, for those who wait, and leave it. `error` may be NULL if
 * `result` is not negative; `blob` may be NULL, and is held once more for them. */
void sci_flight_land(struct sci_flight *flight, int result, const struct sc_error *error,
	struct sci_blob *blob);

/* The thing was changed while it is being made: who boards from now on needs a new flight. With `name`
 * NULL all flights of the subject. Call it with the lock held that guards the thing; for all of a subject whose
 * things have several locks, before what they have made so far is removed. */
void sci_flight_invalidate(const void *subject, const struct sci_name *name);

/* Whether that has happened to this thread's own flight. */
bool sci_flight_is_invalidated(const struct sci_flight *flight);

#endif
