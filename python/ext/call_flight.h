/* call_flight.h - one call of a function for each key at a time: the calls under way, and the
 * threads that wait for their results. */
#ifndef SCOPECACHE_PYTHON_FLIGHT_H
#define SCOPECACHE_PYTHON_FLIGHT_H

#include "table.h"

/* Install what a forked child needs. Returns 0, or -1 with an exception. */
int flight_init(void);

/* This thread loads the entry. */
void flight_begin(struct entry *entry);

/* The load has ended with a value, or with the exception that is set, which stays set when `value`
 * is NULL. The entry may have been taken out of the table meanwhile. */
void flight_end(struct entry *entry, PyObject *value);

/* Whether waiting for the entry would never end: it is loaded by this thread, or by one that waits
 * for this one, or by one that does not run, in a forked process or at the interpreter's end. The
 * caller then calls the function itself. */
bool flight_is_own(const struct entry *entry);

/* Wait, with the interpreter's lock released; afterwards the entry may be gone. Returns 0 with
 * *value, 1 when a signal's handler has brought about that the wait would never end, or -1 with an
 * exception. */
int flight_wait(struct entry *entry, PyObject **value);

#endif
