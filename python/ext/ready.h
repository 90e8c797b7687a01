/* ready.h - the awaitable of a hit: it has its value already. */
#ifndef SCOPECACHE_PYTHON_READY_H
#define SCOPECACHE_PYTHON_READY_H

#include <Python.h>

extern PyTypeObject ready_type;

/* An awaitable of `value`, whose reference it takes, also when it fails with an exception. */
PyObject *ready_new(PyObject *value);

#endif
