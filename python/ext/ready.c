/* ready.c - the awaitable of a hit, which gives its value without yielding to
 * the loop.
 *
 * It has the methods of a coroutine, so that asyncio makes a task of it, and
 * can be awaited once, as a coroutine. Most live for a few instructions: the
 * last ones are kept for reuse. */
#include "ready.h"

#include <stddef.h>

#define SPARE_MAX 8

struct ready {
	PyObject_HEAD PyObject *value; /* NULL after it was awaited */
};

/* Guarded by the interpreter's lock. */
static struct ready *spare[SPARE_MAX];
static int spare_count;

PyObject *ready_new(PyObject *value)
{
	struct ready *ready;
	if (spare_count > 0) {
		ready = spare[--spare_count];
		PyObject_Init((PyObject *)ready, &ready_type);
	} else {
		ready = PyObject_GC_New(struct ready, &ready_type);
		if (!ready) {
			Py_DECREF(value);
			return NULL;
		}
	}
	ready->value = value;
	PyObject_GC_Track(ready);
	return (PyObject *)ready;
}

static void ready_dealloc(PyObject *self)
{
	struct ready *ready = (struct ready *)self;
	PyObject *value = ready->value;
	PyObject_GC_UnTrack(self);
	ready->value = NULL;
	if (spare_count < SPARE_MAX) {
		spare[spare_count++] = ready;
	} else {
		PyObject_GC_Del(self);
	}
	Py_XDECREF(value);
}

static int ready_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(((struct ready *)self)->value);
	return 0;
}

static int ready_clear(PyObject *self)
{
	Py_CLEAR(((struct ready *)self)->value);
	return 0;
}

/* The value, or NULL with an exception. */
static PyObject *take(PyObject *self)
{
	PyObject *value = ((struct ready *)self)->value;
	((struct ready *)self)->value = NULL;
	if (!value) {
		PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
	}
	return value;
}

static PySendResult ready_am_send(PyObject *self, PyObject *sent, PyObject **result)
{
	(void)sent;
	*result = take(self);
	return *result ? PYGEN_RETURN : PYGEN_ERROR;
}

/* The end of an iteration with a value, as of a generator that returned it. A
 * tuple or an exception would be taken for the arguments of StopIteration. */
static PyObject *end_with(PyObject *value)
{
	if (value) {
		PyObject *end = PyObject_CallOneArg(PyExc_StopIteration, value);
		Py_DECREF(value);
		if (end) {
			PyErr_SetObject(PyExc_StopIteration, end);
			Py_DECREF(end);
		}
	}
	return NULL;
}

#if PY_VERSION_HEX >= 0x030C0000
/* From 3.12 on the interpreter's await comes here, and reads nothing of the
 * StopIteration but its value, so it is made without arguments, which takes
 * half of the time. */
static PyObject *ready_next(PyObject *self)
{
	PyTypeObject *type = (PyTypeObject *)PyExc_StopIteration;
	PyObject *value = take(self), *none = value ? PyTuple_New(0) : NULL;
	PyObject *end = none ? type->tp_new(type, none, NULL) : NULL;
	Py_XDECREF(none);
	if (!end) {
		Py_XDECREF(value);
		return NULL;
	}
	Py_XSETREF(((PyStopIterationObject *)end)->value, value);
	PyErr_SetRaisedException(end);
	return NULL;
}
#else
static PyObject *ready_next(PyObject *self)
{
	return end_with(take(self));
}
#endif

static PyObject *ready_send(PyObject *self, PyObject *sent)
{
	(void)sent;
	return end_with(take(self));
}

static PyObject *ready_close(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	ready_clear(self);
	Py_RETURN_NONE;
}

/* throw(exception), or throw(type, value, traceback). */
static PyObject *ready_throw(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
	if (count < 1 || count > 3) {
		PyErr_SetString(PyExc_TypeError, "throw takes an exception");
		return NULL;
	}
	PyObject *type = arguments[0], *value = count > 1 ? arguments[1] : Py_None;
	PyObject *trace = count > 2 && arguments[2] != Py_None ? arguments[2] : NULL;
	if (trace && !PyTraceBack_Check(trace)) {
		PyErr_SetString(PyExc_TypeError, "the third argument must be a traceback");
		return NULL;
	}
	ready_clear(self);
	if (PyExceptionInstance_Check(type) && value == Py_None) {
		value = type;
		type = (PyObject *)Py_TYPE(value);
	} else if (!PyExceptionClass_Check(type)) {
		PyErr_SetString(PyExc_TypeError, "exceptions must derive from BaseException");
		return NULL;
	}
	Py_XINCREF(trace);
	if (!trace && PyExceptionInstance_Check(value)) {
		trace = PyException_GetTraceback(value);
	}
	PyErr_Restore(Py_NewRef(type), value == Py_None ? NULL : Py_NewRef(value), trace);
	return NULL;
}

static PyMethodDef ready_methods[] = {
	{ "send", ready_send, METH_O, NULL },
	{ "throw", (PyCFunction)(void (*)(void))ready_throw, METH_FASTCALL, NULL },
	{ "close", ready_close, METH_NOARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyAsyncMethods ready_async = {
	.am_await = PyObject_SelfIter,
	.am_send = ready_am_send,
};

PyTypeObject ready_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "scopecache._core.Ready",
	.tp_basicsize = sizeof(struct ready),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.tp_dealloc = ready_dealloc,
	.tp_traverse = ready_traverse,
	.tp_clear = ready_clear,
	.tp_iternext = ready_next,
	.tp_as_async = &ready_async,
	.tp_methods = ready_methods,
};
