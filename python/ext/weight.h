/* weight.h - how many bytes an object holds. */
#ifndef SCOPECACHE_PYTHON_WEIGHT_H
#define SCOPECACHE_PYTHON_WEIGHT_H

#include <Python.h>

/* The bytes of `object` and its parts, each part's divided by its references. At most a fixed
 * number of parts are looked at. It never fails: what cannot be measured counts as its type's
 * basic size. */
size_t weight_of(PyObject *object);

#endif
