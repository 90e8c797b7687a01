/* memo_type.c - the type scopecache._core.Memo: a callable that keeps its results, and the store of a Cache.
 *
 * A hit is a vectorcall that allocates nothing. On a miss of a cache that coalesces, an entry without a value is
 * put in the table before the function is called: other threads find it there and wait for its flight, and
 * whoever invalidates it takes it out, so that a value that is not true any more is never stored. */
#include <Python.h>
#include <structmember.h>

#include "expiry_clock.h"
#include "eviction.h"
#include "call_flight.h"
#include "table.h"
#include "weight.h"

#ifdef Py_GIL_DISABLED
#error "scopecache needs an interpreter with the global interpreter lock."
#endif

struct memo {
	PyObject_HEAD vectorcallfunc vectorcall;
	struct table table;
	int64_t ttl_ns; /* 0: no end */
	unsigned long long hits, misses;
	PyObject *function, *info_type, *ttl_of, *key_of, *copy;
	PyObject *on_instance_end; /* what the weak references to instances call; NULL before the first */
	PyObject *dict, *weak_references;
	bool coalesce, knows_self, method;
};

/* What to do on a miss. */
struct call {
	PyObject *function;
	PyObject *const *arguments;
	size_t count;
	PyObject *names;
};

static PyTypeObject memo_type;

/* A cache that the collector has taken apart may still be called, by what it was in a circle with. */
static PyObject *call_function(const struct call *call)
{
	if (!call->function) {
		PyErr_SetString(PyExc_ReferenceError, "this cache is being collected");
		return NULL;
	}
	return PyObject_Vectorcall(call->function, call->arguments, call->count, call->names);
}

/* What a caller gets for a value that the cache has: a new reference, or a copy. Making one may run code that takes
 * the value out of the cache. */
static inline PyObject *give(struct memo *memo, PyObject *value)
{
	Py_INCREF(value);
	if (!memo->copy) {
		return value;
	}
	PyObject *copy = PyObject_CallOneArg(memo->copy, value);
	Py_DECREF(value);
	return copy;
}

static inline bool is_fresh(const struct entry *entry)
{
	return entry->deadline_ns == NO_DEADLINE || clock_now_ns() < entry->deadline_ns;
}

/* When a value ends. Returns 0; 1 when it is not to be kept; -1 with an exception. */
static int deadline_of(struct memo *memo, PyObject *value, int64_t *deadline_ns)
{
	int64_t ttl_ns = memo->ttl_ns;
	*deadline_ns = NO_DEADLINE;
	if (memo->ttl_of) {
		PyObject *seconds = PyObject_CallOneArg(memo->ttl_of, value);
		double ttl = seconds ? PyFloat_AsDouble(seconds) : -1;
		Py_XDECREF(seconds);
		if (PyErr_Occurred()) {
			return -1;
		}
		if (!(ttl > 0)) {
			return 1;
		}
		ttl_ns = ttl < 9e9 ? (int64_t)(ttl * 1e9) : 0;
	}
	if (ttl_ns > 0) {
		int64_t now = clock_now_ns();
		*deadline_ns = ttl_ns < NO_DEADLINE - now ? now + ttl_ns : NO_DEADLINE;
	}
	return 0;
}

/* The entry gets its value. Afterwards it may be gone. */
static void fill(struct memo *memo, struct entry *entry, PyObject *value, int64_t deadline_ns,
	size_t bytes)
{
	struct flight *flight = entry->flight;
	entry->value = Py_NewRef(value);
	entry->deadline_ns = deadline_ns;
	entry->bytes = bytes;
	memo->table.count++;
	memo->table.bytes += bytes;
	struct entry *gone = eviction_insert(&memo->table, entry);
	if (flight) {
		flight->entry = NULL;
		flight_release(flight);
	}
	entries_free(gone);
}

static size_t bytes_of(struct memo *memo, const struct key *key, PyObject *value)
{
	if (!memo->table.max_bytes) {
		return 0;
	}
	size_t bytes = sizeof(struct entry) + (key->count + 2) * sizeof(void *) + weight_of(value);
	for (uint32_t at = key->has_self; at < key->count; at++) {
		bytes += weight_of(key->arguments[at]);
	}
	return bytes;
}

/* Called with the weak reference of an instance that has ended. */
static PyObject *on_instance_end(PyObject *self, PyObject *reference)
{
	if (Py_IS_TYPE(reference, &instance_reference_type)) {
		entries_free(table_unlink_instance(&((struct memo *)self)->table, reference));
	}
	Py_RETURN_NONE;
}

static PyMethodDef instance_end_method = { "_instance_end", on_instance_end, METH_O, NULL };

/* Returns NULL, without an exception, when memory is out or somebody else was faster. */
static struct entry *add(struct memo *memo, const struct key *key)
{
	if (key->weak && !memo->on_instance_end) {
		PyObject *callback = PyCFunction_New(&instance_end_method, (PyObject *)memo);
		if (!callback) {
			PyErr_Clear();
			return NULL;
		}
		Py_XSETREF(memo->on_instance_end, callback);
	}
	return table_add(&memo->table, key, memo->on_instance_end);
}

/* Store what was found without a flight of our own: a value that came meanwhile stays, as in functools.
 * Returns 0 or -1 with an exception; memory that is out only means that it is not stored. */
static int store_if_absent(struct memo *memo, const struct key *key, PyObject *value, bool replace)
{
	int64_t deadline_ns;
	struct entry *entry;
	int keep = memo->table.maxsize ? deadline_of(memo, value, &deadline_ns) : 1;
	size_t bytes = keep == 0 ? bytes_of(memo, key, value) : 0;
	if (keep < 0 || table_find(&memo->table, key, &entry) < 0) {
		return -1;
	}
	if (entry && ((replace && !entry->value) || (entry->value && (replace || !is_fresh(entry))))) {
		table_unlink(&memo->table, entry);
		entry_free(entry);
		if (table_find(&memo->table, key, &entry) < 0) {
			return -1;
		}
	}
	if (keep == 0 && !entry) {
		entry = add(memo, key);
	}
	if (keep == 0 && entry && !entry->value) {
		fill(memo, entry, value, deadline_ns, bytes);
	}
	return 0;
}

/* Call the function and store its result; no other call of this key is under way that could be waited for. */
static PyObject *run_through(struct memo *memo, const struct key *key, const struct call *call)
{
	PyObject *value = call_function(call);
	if (value && store_if_absent(memo, key, value, false) < 0) {
		Py_CLEAR(value);
	}
	return value;
}

/* The same, as the one call of this key that others wait for. */
static PyObject *fly(struct memo *memo, const struct key *key, const struct call *call)
{
	struct entry *entry = add(memo, key);
	struct flight *flight = entry ? flight_begin(entry) : NULL;
	if (!flight) {
		if (entry && entry->linked) {
			table_unlink(&memo->table, entry);
			entry_free(entry);
		}
		return run_through(memo, key, call);
	}
	entry->flight = flight;
	flight->references++;

	int64_t deadline_ns;
	PyObject *value = call_function(call);
	int keep = value ? deadline_of(memo, value, &deadline_ns) : -1;
	if (keep < 0) {
		Py_CLEAR(value);
	}
	size_t bytes = keep == 0 ? bytes_of(memo, key, value) : 0;
	flight_end(flight, value);
	entry = flight->entry;
	if (entry && entry->linked && keep == 0) {
		fill(memo, entry, value, deadline_ns, bytes);
	} else if (entry && entry->linked) {
		PyObject *type, *error, *trace;
		PyErr_Fetch(&type, &error, &trace);
		table_unlink(&memo->table, entry);
		entry_free(entry);
		PyErr_Restore(type, error, trace);
	}
	flight_release(flight);
	return value;
}

static PyObject *miss(struct memo *memo, const struct key *key, const struct call *call,
	struct entry *entry)
{
	while (entry && entry->value) { /* not fresh */
		table_unlink(&memo->table, entry);
		entry_free(entry);
		if (table_find(&memo->table, key, &entry) < 0) {
			return NULL;
		}
		if (entry && entry->value && is_fresh(entry)) {
			break;
		}
	}
	PyObject *value;
	if (entry && entry->value) {
		memo->hits++;
		return give(memo, entry->value);
	}
	if (entry && !flight_is_own(entry->flight)) {
		memo->hits++;
		value = flight_wait(entry->flight);
	} else {
		memo->misses++;
		value = memo->coalesce && !entry ? fly(memo, key, call)
						 : run_through(memo, key, call);
	}
	if (value && memo->copy) {
		PyObject *copy = PyObject_CallOneArg(memo->copy, value);
		Py_DECREF(value);
		value = copy;
	}
	return value;
}

static inline PyObject *look_up(struct memo *memo, struct key *key, const struct call *call)
{
	if (table_hash(&memo->table, key) < 0) {
		return NULL;
	}
	struct entry *entry = table_find_same(&memo->table, key);
	if (!entry && table_find(&memo->table, key, &entry) < 0) {
		return NULL;
	}
	if (entry && entry->value && is_fresh(entry)) {
		memo->hits++;
		eviction_hit(&memo->table, entry);
		return give(memo, entry->value);
	}
	return miss(memo, key, call, entry);
}

/* An instance of a class made in Python is known by its identity; what is a number or text by what it equals, also
 * where a function is called as a method and not. */
static inline struct key key_of_call(struct memo *memo, PyObject *const *arguments, size_t count,
	PyObject *names)
{
	struct key key = { .arguments = arguments, .count = (uint32_t)count };
	if (names && PyTuple_GET_SIZE(names) > 0) {
		key.names = names;
		key.count += (uint32_t)PyTuple_GET_SIZE(names);
	}
	if (memo->method && count > 0) {
		PyTypeObject *type = Py_TYPE(arguments[0]);
		key.weak = PyType_SUPPORTS_WEAKREFS(type);
		key.has_self = key.weak || PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE);
	}
	return key;
}

static PyObject *memo_call(PyObject *self, PyObject *const *arguments, size_t flags,
	PyObject *names)
{
	struct memo *memo = (struct memo *)self;
	size_t count = (size_t)PyVectorcall_NARGS(flags);
	struct call call = { memo->function, arguments, count, names };
	if (memo->table.maxsize == 0) {
		memo->misses++;
		return call_function(&call);
	}
	if (!memo->key_of) {
		struct key key = key_of_call(memo, arguments, count, names);
		return look_up(memo, &key, &call);
	}
	PyObject *own = PyObject_Vectorcall(memo->key_of, arguments, count, names);
	if (!own) {
		return NULL;
	}
	struct key key = { .arguments = &own, .count = 1 };
	PyObject *value = look_up(memo, &key, &call);
	Py_DECREF(own);
	return value;
}

/* ---- Methods ---- */

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
	return bound ? PyObject_CallFunction(memo->info_type, "KKNn", memo->hits, memo->misses,
			       bound, (Py_ssize_t)memo->table.count)
		     : NULL;
}

static PyObject *memo_clear_all(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	struct memo *memo = (struct memo *)self;
	memo->hits = memo->misses = 0;
	entries_free(table_unlink_all(&memo->table));
	Py_RETURN_NONE;
}

static PyObject *memo_invalidate(PyObject *self, PyObject *const *arguments, Py_ssize_t count,
	PyObject *names)
{
	struct memo *memo = (struct memo *)self;
	struct key key = key_of_call(memo, arguments, (size_t)count, names);
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
	bool was_there = entry && entry->value;
	if (!failed && entry) {
		table_unlink(&memo->table, entry);
		entry_free(entry);
	}
	Py_XDECREF(own);
	return failed ? NULL : PyBool_FromLong(was_there);
}

/* lookup(key, default): the value, counted as a use. */
static PyObject *memo_lookup(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
	struct memo *memo = (struct memo *)self;
	if (count != 2) {
		PyErr_SetString(PyExc_TypeError, "lookup takes a key and a default");
		return NULL;
	}
	struct key key = { .arguments = arguments, .count = 1 };
	struct entry *entry;
	if (table_hash(&memo->table, &key) < 0 || table_find(&memo->table, &key, &entry) < 0) {
		return NULL;
	}
	if (entry && entry->value && is_fresh(entry)) {
		memo->hits++;
		eviction_hit(&memo->table, entry);
		return give(memo, entry->value);
	}
	memo->misses++;
	return Py_NewRef(arguments[1]);
}

/* has(key): whether there is a value, which does not count as a use. */
static PyObject *memo_has(PyObject *self, PyObject *argument)
{
	struct memo *memo = (struct memo *)self;
	struct key key = { .arguments = &argument, .count = 1 };
	struct entry *entry;
	if (table_hash(&memo->table, &key) < 0 || table_find(&memo->table, &key, &entry) < 0) {
		return NULL;
	}
	return PyBool_FromLong(entry && entry->value && is_fresh(entry));
}

/* take(key, default): the value, which is removed in the same step; that also keeps a load of the key that is under
 * way from being stored. */
static PyObject *memo_take(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
	struct memo *memo = (struct memo *)self;
	if (count != 2) {
		PyErr_SetString(PyExc_TypeError, "take takes a key and a default");
		return NULL;
	}
	struct key key = { .arguments = arguments, .count = 1 };
	struct entry *entry;
	if (table_hash(&memo->table, &key) < 0 || table_find(&memo->table, &key, &entry) < 0) {
		return NULL;
	}
	PyObject *value = NULL;
	if (entry) {
		if (entry->value && is_fresh(entry)) {
			value = Py_NewRef(entry->value);
		}
		table_unlink(&memo->table, entry);
		entry_free(entry);
	}
	*(value ? &memo->hits : &memo->misses) += 1;
	return value ? value : Py_NewRef(arguments[1]);
}

/* store(key, value): in the place of what was there. A load of this key that is under way is not stored. */
static PyObject *memo_store(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
	struct memo *memo = (struct memo *)self;
	if (count != 2) {
		PyErr_SetString(PyExc_TypeError, "store takes a key and a value");
		return NULL;
	}
	struct key key = { .arguments = arguments, .count = 1 };
	if (table_hash(&memo->table, &key) < 0 ||
		store_if_absent(memo, &key, arguments[1], true) < 0) {
		return NULL;
	}
	Py_RETURN_NONE;
}

/* load(key, loader): the value, or what loader() returns, called once for all threads. */
static PyObject *memo_load(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
	if (count != 2) {
		PyErr_SetString(PyExc_TypeError, "load takes a key and a function");
		return NULL;
	}
	struct key key = { .arguments = arguments, .count = 1 };
	struct call call = { .function = arguments[1] };
	return look_up((struct memo *)self, &key, &call);
}

/* keys(): those of fresh entries with one argument. Appending allocates nothing that the collector runs for, so
 * nobody's code runs in between. */
static PyObject *memo_keys(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	const struct table *table = &((struct memo *)self)->table;
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && table->buckets && i <= table->mask; i++) {
		for (struct entry *entry = table->buckets[i]; list && entry; entry = entry->chain) {
			if (entry->value && entry->count == 1 && is_fresh(entry) &&
				PyList_Append(list, entry->arguments[0]) < 0) {
				Py_CLEAR(list);
			}
		}
	}
	return list;
}

static PyObject *memo_bytes(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	return PyLong_FromSize_t(((struct memo *)self)->table.bytes);
}

static PyObject *memo_set_name(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
	(void)arguments;
	(void)count;
	((struct memo *)self)->method = ((struct memo *)self)->knows_self;
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

/* ---- The type ---- */

static int memo_traverse(PyObject *self, visitproc visit, void *arg)
{
	struct memo *memo = (struct memo *)self;
	Py_VISIT(memo->function);
	Py_VISIT(memo->info_type);
	Py_VISIT(memo->ttl_of);
	Py_VISIT(memo->key_of);
	Py_VISIT(memo->copy);
	Py_VISIT(memo->on_instance_end);
	Py_VISIT(memo->dict);
	return table_traverse(&memo->table, visit, arg);
}

static int memo_forget(PyObject *self)
{
	struct memo *memo = (struct memo *)self;
	entries_free(table_unlink_all(&memo->table));
	Py_CLEAR(memo->function);
	Py_CLEAR(memo->info_type);
	Py_CLEAR(memo->ttl_of);
	Py_CLEAR(memo->key_of);
	Py_CLEAR(memo->copy);
	Py_CLEAR(memo->on_instance_end);
	Py_CLEAR(memo->dict);
	return 0;
}

static void memo_dealloc(PyObject *self)
{
	PyObject_GC_UnTrack(self);
	if (((struct memo *)self)->weak_references) {
		PyObject_ClearWeakRefs(self);
	}
	memo_forget(self);
	Py_TYPE(self)->tp_free(self);
}

static PyObject *optional(PyObject *object)
{
	return object == Py_None ? NULL : Py_NewRef(object);
}

static PyObject *memo_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static char *names[] = { "function", "info_type", "maxsize", "max_bytes", "ttl_ns",
		"ttl_of", "key_of", "copy", "typed", "coalesce", "knows_self", "exact", NULL };
	PyObject *function, *info_type, *ttl_of, *key_of, *copy;
	Py_ssize_t maxsize, max_bytes;
	long long ttl_ns;
	int typed, coalesce, knows_self, exact;
	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOnnLOOOpppp", names, &function, &info_type,
		    &maxsize, &max_bytes, &ttl_ns, &ttl_of, &key_of, &copy, &typed, &coalesce,
		    &knows_self, &exact)) {
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
	memo->vectorcall = memo_call;
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
	return (PyObject *)memo;
}

#define METHOD(name, function, flags)                                                              \
	{                                                                                          \
		name, (PyCFunction)(void (*)(void))(function), flags, NULL                         \
	}

static PyMethodDef memo_methods[] = {
	METHOD("cache_info", memo_info, METH_NOARGS),
	METHOD("cache_clear", memo_clear_all, METH_NOARGS),
	METHOD("cache_invalidate", memo_invalidate, METH_FASTCALL | METH_KEYWORDS),
	METHOD("_lookup", memo_lookup, METH_FASTCALL),
	METHOD("_has", memo_has, METH_O),
	METHOD("_take", memo_take, METH_FASTCALL),
	METHOD("_store", memo_store, METH_FASTCALL),
	METHOD("_load", memo_load, METH_FASTCALL),
	METHOD("_keys", memo_keys, METH_NOARGS),
	METHOD("_bytes", memo_bytes, METH_NOARGS),
	METHOD("__set_name__", memo_set_name, METH_FASTCALL),
	METHOD("__reduce__", memo_reduce, METH_NOARGS),
	METHOD("__copy__", memo_self, METH_NOARGS),
	METHOD("__deepcopy__", memo_self, METH_O),
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef memo_getset[] = {
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
};

static int execute(PyObject *module)
{
	if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
		PyErr_SetString(PyExc_ImportError, "scopecache works in the main interpreter only");
		return -1;
	}
	instance_reference_type.tp_base = &_PyWeakref_RefType;
	return flight_init() < 0 || PyType_Ready(&instance_reference_type) < 0 ||
			PyModule_AddType(module, &memo_type) < 0 ? -1 : 0;
}

static PyModuleDef_Slot slots[] = { { Py_mod_exec, (void *)execute }, { 0, NULL } };

static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, .m_name = "_core",
	.m_slots = slots };

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
	return PyModuleDef_Init(&definition);
}
