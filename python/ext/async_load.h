/* async_load.h - one call of a cached coroutine function that found no value. */
#ifndef SCOPECACHE_PYTHON_ASYNC_LOAD_H
#define SCOPECACHE_PYTHON_ASYNC_LOAD_H

#include "memo.h"

extern PyTypeObject async_load_type;

/* A load of the call's key, not begun. `own` is what key_of returned, or NULL. */
PyObject *async_load_new(struct memo *memo, const struct call *call, PyObject *own);

/* The same for a refresh, which waits until somebody runs it: it does not keep alive the instance
 * whose method the call is of. */
PyObject *async_load_new_refresh(struct memo *memo, const struct call *call, PyObject *own);

#endif
