/* memo_type.c - the type scopecache._core.Memo: a callable that caches its results, and the store
 * of a Cache. */
#include "memo.h"

#include "async_load.h"
#include "call_flight.h"
#include "fresh_rules.h"
#include "call_deadline.h"
#include "ready.h"
#include "test_hooks.h"

#include <structmember.h>

static PyTypeObject memo_type;

static PyObject *memo_info(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	struct memo *memo = (struct memo *)self;
	Py_ssize_t maxsize = memo->table.maxsize;
	PyObject *bound = maxsize < 0 ? Py_NewRef(Py_None) : PyLong_FromSsize_t(maxsize);
	if (!memo->info_type) {
		Py_XDECREF(bound);
		PyErr_SetString(PyExc_ReferenceError, "this cache is being collected");
		return NULL;
	}
	if (!bound) {
		return NULL;
	}
	const struct freshness *fresh = memo->fresh;
	Py_ssize_t count = (Py_ssize_t)memo->table.count;
	return fresh
		? PyObject_CallFunction(memo->info_type, "KKNnKKKKKK", memo->hits, memo->misses,
			  bound, count, fresh->stale, fresh->refreshes, fresh->load_absences,
			  fresh->load_failures, fresh->known_absences, fresh->known_failures)
		: PyObject_CallFunction(memo->info_type, "KKNn", memo->hits, memo->misses, bound,
			  count);
}

static PyObject *memo_clear_all(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	struct memo *memo = (struct memo *)self;
	memo->hits = memo->misses = 0;
	if (memo->fresh) {
		freshness_reset(memo->fresh);
	}
	entries_free(eviction_remove_all(&memo->table));
	Py_RETURN_NONE;
}

/* sweep(): remove the expired entries. */
static PyObject *memo_sweep(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	struct table *table = &((struct memo *)self)->table;
	int64_t now_ns = clock_now_ns();
	for (size_t swept = 0; table->buckets && swept <= table->mask; swept += 2) {
		entries_free(eviction_sweep(table, now_ns));
	}
	Py_RETURN_NONE;
}

static PyObject *memo_invalidate(PyObject *self, PyObject *const *arguments, Py_ssize_t count,
	PyObject *names)
{
	struct memo *memo = (struct memo *)self;
	struct key key = memo_key_of_call(memo, arguments, (size_t)count, names);
	PyObject *own = NULL;
	if (memo->key_of) {
		own = PyObject_Vectorcall(memo->key_of, arguments, (size_t)count, names);
		if (!own) {
			return NULL;
		}
		key = (struct key){ .arguments = &own, .count = 1 };
	}
	struct entry *entry = NULL;
	int failed =
		table_hash(&memo->table, &key) < 0 || table_find(&memo->table, &key, &entry) < 0;
	bool was_there = entry && entry_is_there(entry);
	if (!failed && entry) {
		eviction_remove(&memo->table, entry);
		entry_free(entry);
	}
	Py_XDECREF(own);
	return failed ? NULL : PyBool_FromLong(was_there);
}

static PyObject *memo_set_name(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
	(void)arguments;
	(void)count;
	struct memo *memo = (struct memo *)self;
	memo->method = memo->knows_self;
	memo->is_plain &= !memo->method;
	Py_RETURN_NONE;
}

static PyObject *memo_reduce(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	return PyObject_GetAttrString(self, "__qualname__");
}

static PyObject *memo_self(PyObject *self, PyObject *anything)
{
	(void)anything;
	return Py_NewRef(self);
}

static PyObject *memo_get(PyObject *self, PyObject *instance, PyObject *type)
{
	(void)type;
	return !instance || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}

static int memo_traverse(PyObject *self, visitproc visit, void *arg)
{
	struct memo *memo = (struct memo *)self;
	Py_VISIT(memo->function);
	Py_VISIT(memo->info_type);
	Py_VISIT(memo->ttl_of);
	Py_VISIT(memo->key_of);
	Py_VISIT(memo->copy);
	Py_VISIT(memo->load_async);
	Py_VISIT(memo->on_instance_end);
	Py_VISIT(memo->dict);
	int result = freshness_traverse(memo, visit, arg);
	if (result) {
		return result;
	}
	return table_traverse(&memo->table, visit, arg);
}

static int memo_forget(PyObject *self)
{
	struct memo *memo = (struct memo *)self;
	entries_free(eviction_remove_all(&memo->table));
	Py_CLEAR(memo->function);
	Py_CLEAR(memo->info_type);
	Py_CLEAR(memo->ttl_of);
	Py_CLEAR(memo->key_of);
	Py_CLEAR(memo->copy);
	Py_CLEAR(memo->load_async);
	freshness_clear(memo);
	Py_CLEAR(memo->on_instance_end);
	Py_CLEAR(memo->dict);
	return 0;
}

static void memo_dealloc(PyObject *self)
{
	PyObject_GC_UnTrack(self);
	/* A long chain of nested caches must not overflow the stack. */
	Py_TRASHCAN_BEGIN(self, memo_dealloc) if (((struct memo *)self)->weak_references)
	{
		PyObject_ClearWeakRefs(self);
	}
	memo_forget(self);
	PyMem_Free(((struct memo *)self)->fresh);
	Py_TYPE(self)->tp_free(self);
	Py_TRASHCAN_END
}

static PyObject *optional(PyObject *object)
{
	return object == Py_None ? NULL : Py_NewRef(object);
}

static PyObject *memo_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static char *names[] = { "function", "info_type", "maxsize", "max_bytes", "ttl_ns",
		"ttl_of", "key_of", "copy", "load_async", "freshness", "jitter", "typed",
		"coalesce", "knows_self", "exact", NULL };
	PyObject *function, *info_type, *ttl_of, *key_of, *copy, *load_async, *freshness;
	Py_ssize_t maxsize, max_bytes;
	long long ttl_ns;
	int typed, coalesce, knows_self, exact, jitter;
	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOnnLOOOOOipppp", names, &function,
		    &info_type, &maxsize, &max_bytes, &ttl_ns, &ttl_of, &key_of, &copy, &load_async,
		    &freshness, &jitter, &typed, &coalesce, &knows_self, &exact)) {
		return NULL;
	}
	if (!PyCallable_Check(function)) {
		PyErr_SetString(PyExc_TypeError, "the first argument must be callable");
		return NULL;
	}
	struct memo *memo = (struct memo *)type->tp_alloc(type, 0);
	if (!memo) {
		return NULL;
	}
	memo->load_async = optional(load_async);
	memo->jitter_percent = jitter;
	if (freshness_init(memo, freshness) < 0) {
		Py_DECREF(memo);
		return NULL;
	}
	memo->vectorcall = memo->load_async ? memo_vectorcall_async : memo_vectorcall;
	memo->table.typed = typed;
	memo->table.maxsize = maxsize;
	memo->table.exact = exact;
	memo->table.max_bytes = (size_t)max_bytes;
	memo->ttl_ns = ttl_ns;
	memo->function = Py_NewRef(function);
	memo->info_type = Py_NewRef(info_type);
	memo->ttl_of = optional(ttl_of);
	memo->key_of = optional(key_of);
	memo->copy = optional(copy);
	memo->coalesce = coalesce;
	memo->knows_self = knows_self;
	memo->refuses_coroutines = knows_self || coalesce;
	memo->table.names_arguments = knows_self && !memo->key_of;
	memo->last_stays = exact && maxsize < 0 && !coalesce;
	memo->is_plain = !memo->key_of && !memo->copy && !typed && maxsize != 0;
	return (PyObject *)memo;
}

#define DOCUMENTED(name, function, flags, text)                                                    \
	{                                                                                          \
		name, (PyCFunction)(void (*)(void))(function), flags, text                         \
	}
#define METHOD(name, function, flags) DOCUMENTED(name, function, flags, NULL)

static PyMethodDef memo_methods[] = {
	DOCUMENTED("cache_info", memo_info, METH_NOARGS,
		"cache_info()\n--\n\nA named tuple: hits, misses, maxsize, currsize."),
	DOCUMENTED("cache_clear", memo_clear_all, METH_NOARGS,
		"cache_clear()\n--\n\nRemove all entries, and begin to count anew."),
	DOCUMENTED("cache_invalidate", memo_invalidate, METH_FASTCALL | METH_KEYWORDS,
		"cache_invalidate($self, /, *args, **kwargs)\n--\n\nRemove the entry of these "
		"arguments; "
		"returns whether there was one."),
	METHOD("_lookup", memo_mapping_lookup, METH_FASTCALL),
	METHOD("_has", memo_mapping_has, METH_O),
	METHOD("_take", memo_mapping_take, METH_FASTCALL),
	METHOD("_store", memo_mapping_store, METH_FASTCALL),
	METHOD("_load", memo_mapping_load, METH_FASTCALL),
	METHOD("_keys", memo_mapping_keys, METH_NOARGS),
	METHOD("_sweep", memo_sweep, METH_NOARGS),
	METHOD("_bytes", memo_mapping_bytes, METH_NOARGS),
	METHOD("__set_name__", memo_set_name, METH_FASTCALL),
	METHOD("__reduce__", memo_reduce, METH_NOARGS),
	METHOD("__copy__", memo_self, METH_NOARGS),
	METHOD("__deepcopy__", memo_self, METH_O),
	{ NULL, NULL, 0, NULL },
};

/* What tells asyncio and inspect that a callable is a coroutine function: an object of the module
 * where[0] with the name where[1], or where[2] in early versions. Neither module is imported: who
 * asks has done so. */
static PyObject *coroutine_mark(PyObject *self, void *where)
{
	const char *const *names = where;
	PyObject *mark = NULL, *name = PyUnicode_FromString(names[0]);
	PyObject *module =
		name && ((struct memo *)self)->load_async ? PyImport_GetModule(name) : NULL;
	Py_XDECREF(name);
	for (int at = 1; module && !mark && at < 3; at++) {
		PyErr_Clear();
		mark = PyObject_GetAttrString(module, names[at]);
	}
	if (!module && !PyErr_Occurred()) {
		PyErr_SetString(PyExc_AttributeError, "not a coroutine function");
	}
	Py_XDECREF(module);
	return mark;
}

static const char *const asyncio_mark[] = { "asyncio.coroutines", "_is_coroutine",
	"_is_coroutine" };
static const char *const inspect_mark[] = { "inspect", "_is_coroutine_mark",
	"_is_coroutine_marker" };

static PyMemberDef memo_members[] = {
	{ "_usual_refresh_s", T_DOUBLE, offsetof(struct memo, usual_refresh_s), 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static PyGetSetDef memo_getset[] = {
	{ "_is_coroutine", coroutine_mark, NULL, NULL, (void *)asyncio_mark },
	{ "_is_coroutine_marker", coroutine_mark, NULL, NULL, (void *)inspect_mark },
	{ "__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyTypeObject memo_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "scopecache._core.Memo",
	.tp_basicsize = sizeof(struct memo),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
		Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_BASETYPE,
	.tp_new = memo_new,
	.tp_dealloc = memo_dealloc,
	.tp_traverse = memo_traverse,
	.tp_clear = memo_forget,
	.tp_call = PyVectorcall_Call,
	.tp_vectorcall_offset = offsetof(struct memo, vectorcall),
	.tp_dictoffset = offsetof(struct memo, dict),
	.tp_weaklistoffset = offsetof(struct memo, weak_references),
	.tp_descr_get = memo_get,
	.tp_methods = memo_methods,
	.tp_getset = memo_getset,
	.tp_members = memo_members,
};

/* update_clock(): see after a freeze at once how long it was. */
static PyObject *update_clock(PyObject *module, PyObject *nothing)
{
	(void)module;
	(void)nothing;
	clock_update();
	Py_RETURN_NONE;
}

/* after_restore(): this process goes on with the memory of another one. */
static PyObject *after_restore(PyObject *module, PyObject *nothing)
{
	memo_draw_anew();
	return update_clock(module, nothing);
}

/* advance_clock(seconds): for tests. */
static PyObject *advance_clock(PyObject *module, PyObject *seconds)
{
	(void)module;
	double by = PyFloat_AsDouble(seconds);
	if (PyErr_Occurred()) {
		return NULL;
	}
	if (!(by >= 0 && by < 9e9)) {
		PyErr_SetString(PyExc_ValueError, "time goes forward");
		return NULL;
	}
	clock_advance((int64_t)(by * 1e9));
	Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
	METHOD("update_clock", update_clock, METH_NOARGS),
	METHOD("after_restore", after_restore, METH_NOARGS),
	METHOD("advance_clock", advance_clock, METH_O),
	{ NULL, NULL, 0, NULL },
};

static int execute(PyObject *module)
{
	if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
		PyErr_SetString(PyExc_ImportError, "scopecache works in the main interpreter only");
		return -1;
	}
#ifdef SC_PYTHON_TEST_HOOKS
	if (test_hooks_add(module) < 0) {
		return -1;
	}
#endif
	instance_reference_type.tp_base = &_PyWeakref_RefType;
	return flight_init() < 0 || call_deadline_init(module) < 0 ||
			PyType_Ready(&instance_reference_type) < 0 ||
			PyType_Ready(&ready_type) < 0 || PyType_Ready(&async_load_type) < 0 ||
			PyModule_AddType(module, &memo_type) < 0
		? -1
		: 0;
}

static PyModuleDef_Slot slots[] = { { Py_mod_exec, (void *)execute }, { 0, NULL } };

static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, .m_name = "_core",
	.m_methods = functions, .m_slots = slots };

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
	return PyModuleDef_Init(&definition);
}
