/* weight.c - a walk over an object's parts, bounded in steps.
 *
 * The parts are those that the collector would visit. Types, modules, functions and code belong to the program, not
 * to the value, and are not entered. What an extension allocates and does not report is not seen. */
#include "weight.h"

#include <stdbool.h>
#include <stdint.h>

#define STEPS_MAX  2048
#define SEEN_SLOTS (STEPS_MAX * 2)

struct walk {
	PyObject *parts[STEPS_MAX];
	PyObject *seen[SEEN_SLOTS];
	size_t count;
};

static int add_part(PyObject *part, void *context)
{
	struct walk *walk = context;
	if (!part || PyType_Check(part) || PyModule_Check(part) || PyFunction_Check(part) ||
		PyCode_Check(part) || part == Py_None || PyBool_Check(part)) {
		return 0;
	}
	size_t slot = ((uintptr_t)part >> 4) % SEEN_SLOTS;
	while (walk->seen[slot] && walk->seen[slot] != part) {
		slot = (slot + 1) % SEEN_SLOTS;
	}
	if (!walk->seen[slot] && walk->count < STEPS_MAX) {
		walk->seen[slot] = part;
		walk->parts[walk->count++] = part;
	}
	return 0;
}

/* A type made in Python may have a __sizeof__ in Python, which is not called: it could change the cache. */
static size_t own_size(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
		size_t size = _PySys_GetSizeOf(object);
		if (size != (size_t)-1) {
			return size;
		}
		PyErr_Clear();
	}
	size_t size = (size_t)type->tp_basicsize;
	if (type->tp_itemsize > 0) {
		Py_ssize_t items = Py_SIZE(object);
		size += (size_t)(items < 0 ? -items : items) * (size_t)type->tp_itemsize;
	}
	return size + (PyObject_IS_GC(object) ? 2 * sizeof(void *) : 0);
}

size_t weight_of(PyObject *object)
{
	struct walk *walk = PyMem_Calloc(1, sizeof(*walk));
	if (!walk) {
		return (size_t)Py_TYPE(object)->tp_basicsize;
	}
	size_t total = 0;
	add_part(object, walk);
	for (size_t at = 0; at < walk->count; at++) {
		PyObject *part = walk->parts[at];
		size_t references = at == 0 ? 1 : (size_t)Py_REFCNT(part);
		total += own_size(part) / (references ? references : 1);
		traverseproc traverse = Py_TYPE(part)->tp_traverse;
		if (traverse && PyObject_IS_GC(part)) {
			traverse(part, add_part, walk);
		}
	}
	PyMem_Free(walk);
	return total;
}
