/* call_flight.h - one call of a function under way, and the threads that wait for its result. */
#ifndef SCOPECACHE_PYTHON_FLIGHT_H
#define SCOPECACHE_PYTHON_FLIGHT_H

#include <Python.h>

#include <pthread.h>
#include <stdbool.h>

struct entry;

struct flight {
	struct entry *entry; /* where the value goes; NULL once that entry is gone or filled */
	PyObject *value;     /* one of these two is set when it has ended */
	PyObject *error;
	PyThread_type_lock lock; /* made by the first to wait, and held while it is under way */
	pthread_t owner;         /* the thread that calls the function */
	unsigned forks;          /* the process: a child does not have the threads of its parent */
	unsigned references;
	bool ended;
};

/* Install what a forked child needs. Returns 0, or -1 with an exception. */
int flight_init(void);

/* Returns NULL, without an exception, when memory is out. */
struct flight *flight_begin(struct entry *entry);

void flight_release(struct flight *flight);

/* End it with a value, or with the exception that is set, which stays set when `value` is NULL. */
void flight_end(struct flight *flight, PyObject *value);

/* Whether waiting would never end: the flight is this thread's own, or that of a thread that waits for this
 * one, or of a thread that this process does not have. The caller then calls the function itself. */
bool flight_is_own(const struct flight *flight);

/* Wait, with the interpreter's lock released. Returns the value or NULL with an exception. */
PyObject *flight_wait(struct flight *flight);

#endif
