/* weight.c - a walk over an object's parts, bounded in steps.
 *
 * The parts are the objects that the collector would visit, and the keys of dicts, which it skips
 * where all are text. Types, modules and code belong to the program and are not counted; nor are
 * functions, unless nothing else refers to them: then their closure and defaults count. Memory that
 * an extension allocates and does not report is not counted.
 *
 * There are at most STEPS_MAX steps; each object may use half of those that are left. The rest of a
 * larger list, tuple, dict or set is estimated by the average weight of its parts that were
 * visited, with their own parts.
 *
 * The walk holds a reference to each part, because __sizeof__ may run the collector, and so any
 * code. */
#include "weight.h"

#include <stdbool.h>
#include <stdint.h>

#define STEPS_MAX    2048
#define FIRST_PARTS  64 /* without memory from the heap */
#define SLOTS_A_PART 2  /* of the table of parts that were seen */

struct walk {
	PyObject **parts, **seen;
	size_t count, capacity;
	size_t limit;         /* of parts, while an object is entered */
	size_t visits;        /* of parts of the object that is being entered */
	size_t seen_of_large; /* visited parts of objects that were too large, */
	size_t unseen;        /* and their other parts */
	PyObject *first_parts[FIRST_PARTS], *first_seen[FIRST_PARTS * SLOTS_A_PART];
};

static PyObject **slot_of(const struct walk *walk, PyObject *part)
{
	size_t slots = walk->capacity * SLOTS_A_PART;
	size_t slot = ((uintptr_t)part >> 4) % slots;
	while (walk->seen[slot] && walk->seen[slot] != part) {
		slot = (slot + 1) % slots;
	}
	return &walk->seen[slot];
}

static void free_parts(struct walk *walk)
{
	if (walk->parts != walk->first_parts) {
		PyMem_Free(walk->parts);
	}
}

/* Returns false when memory is out; then no more parts are added. */
static bool grow(struct walk *walk)
{
	size_t capacity = walk->capacity * 4;
	PyObject **parts = PyMem_Calloc(capacity * (1 + SLOTS_A_PART), sizeof(PyObject *));
	if (!parts) {
		return false;
	}
	memcpy(parts, walk->parts, walk->count * sizeof(PyObject *));
	free_parts(walk);
	walk->parts = parts;
	walk->seen = parts + capacity;
	walk->capacity = capacity;
	for (size_t at = 0; at < walk->count; at++) {
		*slot_of(walk, parts[at]) = parts[at];
	}
	return true;
}

static int add_part(PyObject *part, void *context)
{
	struct walk *walk = context;
	walk->visits++;
	if (!part || PyType_Check(part) || PyModule_Check(part) || PyCode_Check(part) ||
		part == Py_None || PyBool_Check(part)) {
		return 0;
	}
	if (PyFunction_Check(part) && walk->count > 0 && Py_REFCNT(part) > 1) {
		return 0;
	}
	PyObject **slot = slot_of(walk, part);
	if (*slot) {
		return 0;
	}
	if (walk->count >= walk->limit) {
		walk->visits--;
		return 1;
	}
	if (walk->count == walk->capacity) {
		if (!grow(walk)) {
			return 0;
		}
		slot = slot_of(walk, part);
	}
	*slot = part;
	walk->parts[walk->count++] = Py_NewRef(part);
	return 0;
}

/* The __sizeof__ that a type has from a type made in C, borrowed. One made in Python is not called:
 * it could change the cache. */
static PyObject *size_method(PyTypeObject *type)
{
	static PyObject *name;
	if (!name) {
		name = PyUnicode_InternFromString("__sizeof__");
	}
	for (; name && type; type = type->tp_base) {
		PyObject *method = _PyType_Lookup(type, name);
		if (method && Py_IS_TYPE(method, &PyMethodDescr_Type)) {
			return method;
		}
	}
	return NULL;
}

static size_t own_size(PyObject *object)
{
	PyObject *method = size_method(Py_TYPE(object));
	PyObject *number = method ? PyObject_CallOneArg(method, object) : NULL;
	size_t size = number ? PyLong_AsSize_t(number) : 0;
	Py_XDECREF(number);
	if (PyErr_Occurred()) {
		PyErr_Clear();
		size = (size_t)Py_TYPE(object)->tp_basicsize;
	}
	return size + (PyObject_IS_GC(object) ? 2 * sizeof(void *) : 0);
}

/* How many parts a container has; 0: not known. */
static size_t parts_of(PyObject *object)
{
	Py_ssize_t parts = PyList_Check(object) ? PyList_GET_SIZE(object)
		: PyTuple_Check(object)         ? PyTuple_GET_SIZE(object)
		: PyDict_Check(object)          ? 2 * PyDict_GET_SIZE(object)
		: PyAnySet_Check(object)        ? PySet_GET_SIZE(object)
						: 0;
	return (size_t)parts;
}

static int add_items(struct walk *walk, PyObject *dict)
{
	Py_ssize_t at = 0;
	PyObject *key, *value;
	while (PyDict_Next(dict, &at, &key, &value)) {
		if (add_part(key, walk) || add_part(value, walk)) {
			return 1;
		}
	}
	return 0;
}

static int add_parts(struct walk *walk, PyObject *object)
{
	if (PyFunction_Check(object)) {
		return add_part(PyFunction_GET_CLOSURE(object), walk) ||
			add_part(PyFunction_GET_DEFAULTS(object), walk) ||
			add_part(PyFunction_GET_KW_DEFAULTS(object), walk);
	}
	if (PyDict_Check(object) && add_items(walk, object)) {
		return 1;
	}
	size_t visits = walk->visits;
	int stopped = PyDict_CheckExact(object)
		? 0
		: Py_TYPE(object)->tp_traverse(object, add_part, walk);
	if (PyDict_Check(object)) {
		walk->visits = visits;
	}
	return stopped;
}

/* Add the object's parts. Returns the bytes of attributes that an instance has without a dict. */
static size_t enter(struct walk *walk, PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	size_t parts = parts_of(object);
	walk->visits = 0;
	if (!type->tp_traverse || !PyObject_IS_GC(object)) {
		return 0;
	}
	walk->limit = walk->count + (STEPS_MAX - walk->count + 1) / 2;
	if (add_parts(walk, object) && parts > walk->visits) {
		walk->seen_of_large += walk->visits;
		walk->unseen += parts - walk->visits;
	}
#ifdef Py_TPFLAGS_MANAGED_DICT
	if (PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT)) {
		size_t attributes = walk->visits > parts ? walk->visits - parts : 0;
		return (attributes + 2) * sizeof(void *);
	}
#endif
	return 0;
}

size_t weight_of(PyObject *object)
{
	struct walk walk = { .capacity = FIRST_PARTS, .limit = STEPS_MAX };
	walk.parts = walk.first_parts;
	walk.seen = walk.first_seen;
	size_t total = 0, root = 0;
	add_part(object, &walk);
	for (size_t at = 0; at < walk.count; at++) {
		PyObject *part = walk.parts[at];
		/* Without the reference that the walk holds. */
		size_t references = at == 0 ? 1 : (size_t)Py_REFCNT(part) - 1;
		size_t size = own_size(part);
		size += enter(&walk, part);
		total += size / (references ? references : 1);
		root = at == 0 ? total : root;
	}
	if (walk.seen_of_large > 0) {
		total += (size_t)((double)walk.unseen * (double)(total - root) /
			(double)walk.seen_of_large);
	}
	for (size_t at = 0; at < walk.count; at++) {
		Py_DECREF(walk.parts[at]);
	}
	free_parts(&walk);
	return total;
}
