/* Resources: the open instances, their users, and the order in which they were opened.
 *
 * An instance is the result of one successful open. A resource has at most one current instance,
 * which acquire returns, and any number of retired ones, which were reset while they were in use
 * and are closed by their last user. All instances of the process are in one list, the last opened
 * first, in which order sc_resource_close_all() closes. Users know an instance by its number, in
 * order of opening, because an opener may return the same address again.
 *
 * One lock guards all resources, and is held for a few pointers only. Opening is a flight
 * (flight.h), so that one thread opens and others wait, and a circle is an error. Open and close
 * are the user's code, called without the lock. */
#include "cache/cache_time.h"
#include "cache/flight.h"
#include "cache/fork.h"
#include "cache/memory.h"

#include "base/error.h"

#include <scopecache/resource.h>

struct sc_resource_instance {
	void *instance;
	struct sc_resource *resource; /* NULL once retired: the instance may outlive it */
	sc_resource_close_fn close;
	size_t references;
	uint64_t number;                                           /* in order of opening */
	struct sc_resource_instance *next_retired;                 /* of the resource */
	struct sc_resource_instance *opened_before, *opened_after; /* of the process */
};

static struct sci_lock lock = SCI_LOCK_INIT;
static struct sc_resource_instance *last_opened SCI_GUARDED_BY(lock);
static uint64_t opened SCI_GUARDED_BY(lock);

SCI_UNCHECKED void sci_resource_fork(enum sci_fork_stage stage)
{
	if (stage == SCI_FORK_BEFORE)
		sci_lock_acquire(&lock);
	else
		sci_lock_release(&lock);
}

void sc_resource_init(struct sc_resource *resource, sc_resource_open_fn open,
	sc_resource_close_fn close, void *context)
{
	*resource = (struct sc_resource)SC_RESOURCE_INIT(open, close, context);
}

void sc_resource_fini(struct sc_resource *resource)
{
	sc_resource_reset(resource);
}

static void install(struct sc_resource *resource, struct sc_resource_instance *instance)
{
	sci_lock_acquire(&lock);
	instance->resource = resource;
	instance->close = resource->close;
	instance->references = 1;
	instance->number = ++opened;
	instance->opened_before = last_opened;
	if (last_opened)
		last_opened->opened_after = instance;
	last_opened = instance;
	resource->current = instance;
	sci_lock_release(&lock);
}

static SCI_REQUIRES(lock) void forget(struct sc_resource_instance *instance)
{
	if (instance->opened_after)
		instance->opened_after->opened_before = instance->opened_before;
	else
		last_opened = instance->opened_before;
	if (instance->opened_before)
		instance->opened_before->opened_after = instance->opened_after;
}

/* Without the lock; NULL is allowed. */
static void close_instance(struct sc_resource_instance *instance)
{
	if (!instance)
		return;
	sc_resource_close_fn close = instance->close;
	void *closed = instance->instance;
	/* Last, because the user's code may not return. */
	sci_free(instance);
	if (close)
		close(closed);
}

/* Retire an instance. Returns it if it is not in use, to be closed. */
static SCI_REQUIRES(lock) struct sc_resource_instance *retire(struct sc_resource *resource)
{
	struct sc_resource_instance *instance = resource->current;

	resource->current = NULL;
	if (!instance)
		return NULL;
	instance->resource = NULL;
	if (instance->references == 0) {
		forget(instance);
		return instance;
	}
	instance->next_retired = resource->retired;
	resource->retired = instance;
	return NULL;
}

static int call_open(struct sc_resource *resource, void **instance, struct sc_error *error)
{
	int rc = resource->open(resource->context, instance, error);

	if (rc >= 0 && *instance)
		return SC_LOADED;
	if (rc >= 0)
		sci_error_set(error, SC_E_OPEN, 0, "the opener gave nothing");
	else if (error->code == 0 && error->message[0] == '\0')
		sci_error_set(error, SC_E_OPEN, 0, "the opener failed with %d", rc);
	error->code = SC_E_OPEN;
	error->user_code = rc;
	return SC_E_OPEN;
}

/* Called by a user of the instance, or under the lock. */
static struct sc_held held_of(const struct sc_resource_instance *instance)
{
	return (struct sc_held){ .instance = instance->instance, .number = instance->number };
}

/* An open in progress. */
struct opening {
	struct sci_flight *flight;
	struct sc_resource_instance *instance;
};

/* The opener did not return. */
static void abandon(void *arg)
{
	const struct opening *opening = arg;
	struct sc_error error;

	sci_error_set(&error, SC_E_OPEN, 0,
		"the opener did not return: it threw, or its thread ended");
	sci_free(opening->instance);
	sci_flight_complete(opening->flight, SC_E_OPEN, &error, NULL);
}

static int open_now(struct sc_resource *resource, struct sci_flight *flight, struct sc_held *held,
	struct sc_error *error)
{
	struct sc_resource_instance *opened_now = sci_alloc_zeroed(sizeof *opened_now);
	struct opening opening = { flight, opened_now };
	struct sc_error detail = { 0 };
	int rc = SC_E_NOMEM;

	if (opened_now) {
		pthread_cleanup_push(abandon, &opening);
		rc = call_open(resource, &opened_now->instance, &detail);
		pthread_cleanup_pop(0);
	} else {
		sci_error_plain(&detail, rc);
	}

	if (opened_now && rc == SC_LOADED) {
		install(resource, opened_now);
		*held = held_of(opened_now);
	} else {
		sci_free(opened_now);
		if (error)
			*error = detail;
	}
	sci_flight_complete(flight, rc, &detail, NULL);
	return rc;
}

int sc_resource_acquire(struct sc_resource *resource, struct sc_held *held, struct sc_error *error)
{
	int rc;

	*held = (struct sc_held){ 0 };
	if (!resource->open)
		return sci_error_set(error, SC_E_INVAL, 0, "the resource has no opener");
	do {
		enum sci_flight_role role = SCI_FLIGHT_NOMEM;
		struct sci_flight *flight = NULL;

		sci_lock_acquire(&lock);
		bool is_open = resource->current != NULL;
		if (is_open) {
			resource->current->references++;
			*held = held_of(resource->current);
		} else {
			role = sci_flight_join(resource, NULL, false, &flight);
		}
		sci_lock_release(&lock);

		if (is_open)
			return SC_HIT;
		if (role == SCI_FLIGHT_LEADER)
			return open_now(resource, flight, held, error);
		if (role == SCI_FLIGHT_NOMEM)
			return sci_error_set(error, SC_E_NOMEM, 0, "out of memory");
		/* Then acquire it as usual: it may have been reset since. */
		rc = sci_flight_follow(flight, sci_invocation_deadline_mono_ms(), error);
	} while (rc >= 0);
	return rc;
}

/* Release a retired instance; returns it if that was the last use. */
static SCI_REQUIRES(lock) struct sc_resource_instance *release_retired(struct sc_resource *resource,
	uint64_t number)
{
	for (struct sc_resource_instance **link = &resource->retired; *link;
		link = &(*link)->next_retired) {
		struct sc_resource_instance *retired = *link;
		if (retired->number != number)
			continue;
		if (--retired->references > 0)
			return NULL;
		*link = retired->next_retired;
		forget(retired);
		return retired;
	}
	return NULL;
}

void sc_resource_release(struct sc_resource *resource, struct sc_held *held)
{
	struct sc_resource_instance *unheld = NULL;

	if (!held || !held->instance)
		return;
	sci_lock_acquire(&lock);
	struct sc_resource_instance *current = resource->current;
	if (current && current->number == held->number && current->references > 0)
		current->references--;
	else
		unheld = release_retired(resource, held->number);
	sci_lock_release(&lock);
	*held = (struct sc_held){ 0 };
	close_instance(unheld);
}

void sc_resource_report_broken(struct sc_resource *resource, const struct sc_held *held)
{
	struct sc_resource_instance *unheld = NULL;

	if (!held || !held->instance)
		return;
	sci_lock_acquire(&lock);
	if (resource->current && resource->current->number == held->number)
		unheld = retire(resource);
	sci_lock_release(&lock);
	close_instance(unheld);
}

void sc_resource_reset(struct sc_resource *resource)
{
	sci_lock_acquire(&lock);
	struct sc_resource_instance *unheld = retire(resource);
	sci_lock_release(&lock);
	close_instance(unheld);
}

/* The last opened, up to number `last`, that is still current. */
static SCI_REQUIRES(lock) struct sc_resource_instance *last_current(uint64_t last)
{
	struct sc_resource_instance *instance = last_opened;

	while (instance && (instance->number > last || !instance->resource))
		instance = instance->opened_before;
	return instance;
}

/* Close those up to this number; also the rest, if a closer does not return. */
static void close_up_to(void *last)
{
	sci_lock_acquire(&lock);
	for (struct sc_resource_instance *next; (next = last_current(*(const uint64_t *)last));) {
		struct sc_resource_instance *unheld = retire(next->resource);
		sci_lock_release(&lock);
		pthread_cleanup_push(close_up_to, last);
		close_instance(unheld);
		pthread_cleanup_pop(0);
		sci_lock_acquire(&lock);
	}
	sci_lock_release(&lock);
}

void sc_resource_close_all(void)
{
	/* What a closer opens anew is not closed here: that might never end. */
	sci_lock_acquire(&lock);
	uint64_t last = opened;
	sci_lock_release(&lock);
	close_up_to(&last);
}
