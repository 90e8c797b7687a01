/* test_hooks.h - additional functions of builds for tests. */
#ifndef SCOPECACHE_PYTHON_TEST_HOOKS_H
#define SCOPECACHE_PYTHON_TEST_HOOKS_H

#include <Python.h>

/* Add the functions of test_hooks.c to the module. Returns 0, or -1 with an exception. */
int test_hooks_add(PyObject *module);

#endif
