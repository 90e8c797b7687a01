/* weight.h - the bytes of an object and its parts. */
#ifndef SCOPECACHE_PYTHON_WEIGHT_H
#define SCOPECACHE_PYTHON_WEIGHT_H

#include <Python.h>

/* The bytes of `object` and its parts, each part's divided by its references. At most a fixed
 * number of parts are visited. It never fails: a part whose size is unknown counts as its type's
 * basic size. */
size_t weight_of(PyObject *object);

#endif
