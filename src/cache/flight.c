/* All flights of the process are in one table under one lock, by hash. All waiting threads are in
 * one list, so that a circle of waiting threads is found before it closes, whichever caches and
 * resources it passes through.
 *
 * The lock is last in rank: it is taken under a cache's or the resources' lock, and no lock is
 * taken under it. So an invalidated flight stays in the table, where no thread joins it. */
#include "cache/flight.h"

#include "base/clock.h"
#include "base/error.h"
#include "cache/fork.h"
#include "cache/key_bytes.h"
#include "cache/memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static struct sci_lock lock = SCI_LOCK_INIT;
#define LISTS 64u
static struct sci_flight *flights[LISTS] SCI_GUARDED_BY(lock);

/* A waiting thread, on its stack. */
struct waiting {
	pthread_t thread;
	struct sci_flight *flight;
	struct waiting *next;
};

static struct waiting *all_waiting SCI_GUARDED_BY(lock);
static atomic_size_t under_way; /* their number, so that an empty table needs no lock */

struct sci_name sci_flight_name(const struct sci_flight *flight)
{
	return sci_key_copied(flight->words, flight->key_len, flight->hash);
}

static bool is_for(const struct sci_flight *flight, const void *subject,
	const struct sci_name *name)
{
	const struct sci_name own = sci_flight_name(flight);

	if (flight->subject != subject)
		return false;
	return name ? sci_name_equals(&own, name) : own.len == 0;
}

static uint64_t hash_of(const void *subject, const struct sci_name *name)
{
	return name ? name->hash : (uint64_t)(uintptr_t)subject / sizeof(void *);
}

static SCI_REQUIRES(lock) struct sci_flight **list_of(uint64_t hash)
{
	return &flights[(hash ^ hash >> 32) % LISTS];
}

/* A thread joins a flight that is not invalidated; but it finds its own even so: to load again
 * what it is loading is a circle. */
static SCI_REQUIRES(lock) struct sci_flight *find(const void *subject, const struct sci_name *name)
{
	struct sci_flight *found = NULL;

	struct sci_flight *flight = *list_of(hash_of(subject, name));

	for (; flight; flight = flight->next) {
		if (!is_for(flight, subject, name))
			continue;
		if (pthread_equal(flight->owner, pthread_self()))
			return flight;
		if (!flight->invalidated)
			found = flight;
	}
	return found;
}

static SCI_REQUIRES(lock) struct sci_flight *begin(const void *subject, const struct sci_name *name,
	bool is_secret)
{
	size_t len = name ? name->len : 0;
	struct sci_flight *flight = sci_alloc_zeroed(sizeof *flight + sci_key_copy_bytes(len));
	pthread_condattr_t clock;

	if (!flight)
		return NULL;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&flight->completion, &clock);
	pthread_condattr_destroy(&clock);
	flight->subject = subject;
	flight->owner = pthread_self();
	flight->references = 1;
	flight->is_secret = is_secret;
	flight->began_mono_ms = sci_mono_ms();
	flight->key_len = len;
	if (name)
		sci_key_copy(flight->words, name);
	flight->hash = hash_of(subject, name);
	struct sci_flight **list = list_of(flight->hash);
	flight->next = *list;
	*list = flight;
	atomic_fetch_add(&under_way, 1);
	return flight;
}

enum sci_flight_role sci_flight_join(const void *subject, const struct sci_name *name,
	bool is_secret, struct sci_flight **flight)
{
	enum sci_flight_role role = SCI_FLIGHT_WAITER;

	sci_lock_acquire(&lock);
	*flight = find(subject, name);
	if (*flight) {
		(*flight)->references++;
	} else {
		*flight = begin(subject, name, is_secret);
		role = *flight ? SCI_FLIGHT_LEADER : SCI_FLIGHT_NOMEM;
	}
	sci_lock_release(&lock);
	return role;
}

/* The flight that this thread waits for, or NULL. */
static SCI_REQUIRES(lock) const struct sci_flight *awaited_by(pthread_t thread)
{
	for (const struct waiting *waiting = all_waiting; waiting; waiting = waiting->next)
		if (pthread_equal(waiting->thread, thread))
			return waiting->flight;
	return NULL;
}

static SCI_REQUIRES(lock) void begin_waiting(struct waiting *waiting)
{
	waiting->next = all_waiting;
	all_waiting = waiting;
}

static SCI_REQUIRES(lock) void end_waiting(const struct waiting *waiting)
{
	struct waiting **link = &all_waiting;

	while (*link != waiting)
		link = &(*link)->next;
	*link = waiting->next;
}

static SCI_REQUIRES(lock) bool would_close_a_circle(const struct sci_flight *flight)
{
	for (; flight && !flight->completed; flight = awaited_by(flight->owner))
		if (pthread_equal(flight->owner, pthread_self()))
			return true;
	return false;
}

/* Returns false when the deadline has passed. */
static SCI_REQUIRES(
	lock) bool wait_for_completion(struct sci_flight *flight, int64_t deadline_mono_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_mono_ms / 1000),
		.tv_nsec = (long)(deadline_mono_ms % 1000 * 1000000),
	};

	int rc = sci_lock_wait(&lock, &flight->completion,
		deadline_mono_ms == INT64_MAX ? NULL : &until);
	return rc != ETIMEDOUT || flight->completed;
}

/* Drop a reference. Returns the flight if it was the last, to be freed without the lock. */
static SCI_REQUIRES(lock) struct sci_flight *drop_reference(struct sci_flight *flight)
{
	return --flight->references == 0 ? flight : NULL;
}

static void destroy(struct sci_flight *flight)
{
	if (!flight)
		return;
	struct sci_blob *blob = flight->blob;

	pthread_cond_destroy(&flight->completion);
	sci_free_wiped(flight,
		flight->is_secret ? sizeof *flight + sci_key_copy_bytes(flight->key_len) : 0);
	/* Last: freeing an object runs the user's code, which may not return. */
	sci_blob_release(blob);
}

static SCI_RELEASES(lock) void leave_locked(struct sci_flight *flight)
{
	struct sci_flight *unheld = drop_reference(flight);

	sci_lock_release(&lock);
	destroy(unheld);
}

void sci_flight_leave(struct sci_flight *flight)
{
	sci_lock_acquire(&lock);
	leave_locked(flight);
}

/* The thread was cancelled while it waited; it has the lock again. */
static void stop_waiting(void *arg)
{
	struct waiting *waiting = arg;

	sci_lock_note_acquired(&lock);
	sci_lock_assert_held(&lock);
	end_waiting(waiting);
	leave_locked(waiting->flight);
}

static SCI_REQUIRES(lock) int wait_locked(struct sci_flight *flight, int64_t deadline_mono_ms)
{
	struct waiting waiting = { .thread = pthread_self(), .flight = flight };
	bool in_time = true;

	begin_waiting(&waiting);
	pthread_cleanup_push(stop_waiting, &waiting);
	while (!flight->completed && in_time)
		in_time = wait_for_completion(flight, deadline_mono_ms);
	pthread_cleanup_pop(0);
	end_waiting(&waiting);
	return in_time ? 0 : SC_E_DEADLINE;
}

int sci_flight_wait(struct sci_flight *flight, int64_t deadline_mono_ms)
{
	sci_lock_acquire(&lock);
	int rc = would_close_a_circle(flight) ? SC_E_CYCLE : wait_locked(flight, deadline_mono_ms);
	sci_lock_release(&lock);
	return rc;
}

int sci_flight_follow(struct sci_flight *flight, int64_t deadline_mono_ms, struct sc_error *error)
{
	int rc = sci_flight_wait(flight, deadline_mono_ms);

	if (rc < 0) {
		sci_error_plain(error, rc);
	} else {
		rc = flight->result;
		if (rc < 0 && error)
			*error = flight->error;
	}
	sci_flight_leave(flight);
	return rc;
}

void sci_flight_complete(struct sci_flight *flight, int result, const struct sc_error *error,
	struct sci_blob *blob)
{
	sci_lock_acquire(&lock);
	struct sci_flight **link = list_of(flight->hash);
	while (*link != flight)
		link = &(*link)->next;
	*link = flight->next;
	atomic_fetch_sub(&under_way, 1);

	flight->result = result;
	if (error)
		flight->error = *error;
	flight->blob = blob ? sci_blob_acquire(blob) : NULL;
	flight->completed = true;
	pthread_cond_broadcast(&flight->completion);
	leave_locked(flight);
}

static SCI_REQUIRES(lock) void invalidate_in(struct sci_flight *flight, const void *subject,
	const struct sci_name *name)
{
	for (; flight; flight = flight->next)
		if (flight->subject == subject && (!name || is_for(flight, subject, name)))
			flight->invalidated = true;
}

void sci_flight_invalidate(const void *subject, const struct sci_name *name)
{
	/* A flight of this thing began under the same lock as this change, so it is counted. */
	if (atomic_load(&under_way) == 0)
		return;
	sci_lock_acquire(&lock);
	for (unsigned i = 0; i < LISTS && !name; i++)
		invalidate_in(flights[i], subject, NULL);
	if (name)
		invalidate_in(*list_of(name->hash), subject, name);
	sci_lock_release(&lock);
}

/* In a child process the flights of other threads never complete: a caller needs a new one, and if
 * this thread has joined one, it must look again. They are never freed there, so a secret key is
 * wiped now. */
static SCI_REQUIRES(lock) void forget_flights_of_others(struct sci_flight **link)
{
	while (*link) {
		struct sci_flight *flight = *link;

		if (pthread_equal(flight->owner, pthread_self())) {
			link = &flight->next;
			continue;
		}
		*link = flight->next;
		flight->completed = true;
		if (flight->is_secret)
			sci_wipe(flight->words, sci_key_copy_bytes(flight->key_len));
		atomic_fetch_sub(&under_way, 1);
	}
}

SCI_UNCHECKED void sci_flight_fork(enum sci_fork_stage stage)
{
	if (stage == SCI_FORK_BEFORE) {
		sci_lock_acquire(&lock);
		return;
	}
	if (stage == SCI_FORK_IN_CHILD) {
		for (unsigned i = 0; i < LISTS; i++)
			forget_flights_of_others(&flights[i]);
		all_waiting = NULL;
	}
	sci_lock_release(&lock);
}

bool sci_flight_close(struct sci_flight *flight)
{
	sci_lock_acquire(&lock);
	bool invalidated = flight->invalidated;
	flight->invalidated = true;
	sci_lock_release(&lock);
	return invalidated;
}
