/* call_flight.h - one call of a function for each key at a time: the calls under way, and the
 * threads that wait for their results. */
#ifndef SCOPECACHE_PYTHON_FLIGHT_H
#define SCOPECACHE_PYTHON_FLIGHT_H

#include "table.h"

/* Install the handler for forked children. Returns 0, or -1 with an exception. */
int flight_init(void);

/* This thread loads the entry. */
void flight_begin(struct entry *entry);

/* The load has ended with a value; or, when `value` is NULL, with an exception. The entry may have
 * been removed from the table meanwhile. */
void flight_end(struct entry *entry, PyObject *value, PyObject *error);

/* Whether a wait for the entry would never end: the thread that loads it is this one, or waits for
 * this one, or does not run (in a forked process, at the interpreter's end). The caller then calls
 * the function itself. */
bool flight_is_own(const struct entry *entry);

/* Counts the forks that led to this process: a load of another process does not end here. */
int64_t flight_forks(void);

/* Wait, with the interpreter's lock released; afterwards the entry may be freed. Returns 0 with
 * *value; 1 when the wait would never end, which the handler of a signal may have caused; or -1
 * with an exception, such as a TimeoutError at the invocation's deadline. */
int flight_wait(struct entry *entry, PyObject **value);

#endif
