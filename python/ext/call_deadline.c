/* call_deadline.c - the deadline of the invocation that a call belongs to. */
#include "call_deadline.h"

static PyObject *variable;

int call_deadline_init(PyObject *module)
{
	if (!variable) {
		variable = PyContextVar_New("scopecache.invocation", Py_None);
	}
	return variable ? PyModule_AddObjectRef(module, "invocation", variable) : -1;
}

int call_deadline_ns(int64_t *deadline_ns)
{
	PyObject *value;
	*deadline_ns = INT64_MAX;
	if (PyContextVar_Get(variable, NULL, &value) < 0) {
		return -1;
	}
	PyObject *first = PyTuple_Check(value) && PyTuple_GET_SIZE(value) > 0
		? PyTuple_GET_ITEM(value, 0)
		: Py_None;
	if (first != Py_None) {
		*deadline_ns = PyLong_AsLongLong(first);
	}
	Py_DECREF(value);
	return PyErr_Occurred() ? -1 : 0;
}
