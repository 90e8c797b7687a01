/* test_hooks.c - in builds for tests only: make allocations of the scopecache library fail, which
 * the interpreter's own hooks do not reach. */
#include "test_hooks.h"

#include <scopecache/process.h>

#include <stdbool.h>
#include <stdlib.h>

static long allocations_left = -1; /* until one fails; below 0: none does */
static bool has_failed;

static void *allocate(size_t bytes, void *context)
{
	(void)context;
	if (allocations_left >= 0 && allocations_left-- == 0) {
		has_failed = true;
		return NULL;
	}
	return malloc(bytes);
}

static void give_back(void *memory, void *context)
{
	(void)context;
	free(memory);
}

/* fail_allocation(n): the library's allocation after n others fails; -1: none. Returns whether
 * the one asked for before has come. */
static PyObject *fail_allocation(PyObject *module, PyObject *number)
{
	(void)module;
	bool failed = has_failed;
	allocations_left = PyLong_AsLong(number);
	has_failed = false;
	return PyErr_Occurred() ? NULL : PyBool_FromLong(failed);
}

static PyMethodDef methods[] = { { "_fail_allocation", fail_allocation, METH_O, NULL },
	{ NULL, NULL, 0, NULL } };

int test_hooks_add(PyObject *module)
{
	sc_process_set_allocator(&(struct sc_allocator){ .allocate = allocate, .free = give_back });
	return PyModule_AddFunctions(module, methods);
}
