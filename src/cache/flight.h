/* Flights: one thread makes a thing, the others that want the same thing wait for it.
 *
 * A flight is under way from the moment a thread boards it first, which makes the flight its own, until
 * that thread lands it with a result. What it is for is a subject (a cache, a resource) and a key.
 */
#ifndef SCI_CACHE_FLIGHT_H
#define SCI_CACHE_FLIGHT_H

#include "cache/blob.h"

#include <scopecache/error.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* After landing: its result, for those who waited. */
struct sci_flight {
	int result;
	struct sc_error error;
	struct sci_blob *blob;

	/* Private to flight.c. */
	const void *subject;
	pthread_t owner;
	const struct sci_flight *waiting_for;
	struct sci_flight *next;
	pthread_cond_t landing;
	unsigned holders;
	bool landed, overtaken;
	size_t key_len;
	unsigned char key[];
};

enum sci_boarding {
	SCI_FLIGHT_MINE,   /* nobody is making it: make it, and sci_flight_land() in any case */
	SCI_FLIGHT_THEIRS, /* somebody is: sci_flight_wait(), then sci_flight_leave() */
	SCI_FLIGHT_NOMEM
};

/* Find the flight for a thing, or begin one. Call it with the lock held that guards the thing, so that
 * nothing lands between finding the thing missing and boarding. */
enum sci_boarding sci_flight_board(const void *subject, const void *key, size_t len,
	struct sci_flight **flight);

/* Wait until the flight has landed. Call it with no lock held.
 *
 * returns  0: the result may be read until sci_flight_leave(). SC_E_CYCLE when the flight is this
 *          thread's own, or waits, through whatever others, for one that is. SC_E_DEADLINE when
 *          `deadline_mono_ms` passed. */
int sci_flight_wait(struct sci_flight *flight, int64_t deadline_mono_ms);

void sci_flight_leave(struct sci_flight *flight);

/* End this thread's own flight with a result, for those who wait, and leave it. `error` may be NULL if
 * `result` is not negative; `blob` may be NULL, and is held once more for them. */
void sci_flight_land(struct sci_flight *flight, int result, const struct sc_error *error,
	struct sci_blob *blob);

/* The thing was changed while it is being made: who boards from now on needs a new flight. With `key`
 * NULL all flights of the subject. Call it with the lock held that guards the thing; for all of a subject whose
 * things have several locks, before what they have made so far is removed. */
void sci_flight_overtake(const void *subject, const void *key, size_t len);

/* Whether that has happened to this thread's own flight. */
bool sci_flight_is_overtaken(const struct sci_flight *flight);

#endif
