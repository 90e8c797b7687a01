/* call_deadline.h - the deadline of the invocation that a call belongs to, which travels in a
 * context variable: tasks and asyncio.to_thread() have that of the code that started them. */
#ifndef SCOPECACHE_PYTHON_CALL_DEADLINE_H
#define SCOPECACHE_PYTHON_CALL_DEADLINE_H

#include <Python.h>

#include <stdint.h>

/* Add the variable to the module. Its value is None or a tuple whose first item is the deadline, in
 * nanoseconds of CLOCK_MONOTONIC, or None. Returns 0, or -1 with an exception. */
int call_deadline_init(PyObject *module);

/* Get the deadline; INT64_MAX: there is none. Returns 0, or -1 with an exception. */
int call_deadline_ns(int64_t *deadline_ns);

#endif
