/* async_load.c - the type scopecache._core.Load: one call of a cached coroutine function that found
 * no value, with copies of its arguments.
 *
 * Whether it loads or waits for another is decided by enter(), when its coroutine first runs.
 * scopecache/_tasks.py has the rest: what a load and its waiters do in the event loops, with the
 * attributes that are here for it alone. While a load is under way it owns the entry, and the entry
 * points to it; whatever ends it, also the end of the object, takes the entry back. */
#include "async_load.h"

#include "call_flight.h"
#include "fresh_rules.h"

#include <structmember.h>

struct async_load {
	PyObject_HEAD struct memo *memo;
	PyObject *arguments; /* positional, and then the values of `names` */
	PyObject *names;     /* or NULL */
	PyObject *own;       /* the result of key_of; or NULL */
	PyObject *instance;  /* of a refresh, a weak reference to the first argument; or NULL */
	struct entry *entry; /* while it is under way */
	struct past past;
	uint64_t generation; /* of the value that a refresh replaces */
	/* For _tasks.py; `waiters` are tuples (loop, future), `heir` is the future of the waiter
	 * that the load has passed to. */
	PyObject *loop, *waiters, *heir, *outer, *needs, *value, *error;
	bool ended; /* for its waiters */
	bool leads; /* its coroutine calls the function, for this load or one that passed to it */
	bool is_counted;
};

static size_t positional_count(const struct async_load *load)
{
	Py_ssize_t names = load->names ? PyTuple_GET_SIZE(load->names) : 0;
	return (size_t)(PyTuple_GET_SIZE(load->arguments) - names);
}

static PyObject *const *items(PyObject *tuple)
{
	return ((PyTupleObject *)tuple)->ob_item;
}

static PyObject *load_new(struct memo *memo, const struct call *call, PyObject *own, bool weakly)
{
	struct async_load *load = PyObject_GC_New(struct async_load, &async_load_type);
	if (!load) {
		return NULL;
	}
	memset((char *)load + sizeof(PyObject), 0, sizeof(*load) - sizeof(PyObject));
	size_t count = call->count;
	if (call->names && PyTuple_GET_SIZE(call->names) > 0) {
		load->names = Py_NewRef(call->names);
		count += (size_t)PyTuple_GET_SIZE(call->names);
	}
	load->arguments = PyTuple_New((Py_ssize_t)count);
	if (!load->arguments) {
		Py_DECREF(load);
		return NULL;
	}
	if (weakly) {
		load->instance = PyWeakref_NewRef(call->arguments[0], NULL);
	}
	for (size_t at = 0; at < count; at++) {
		PyObject *argument = at == 0 && load->instance ? Py_None : call->arguments[at];
		PyTuple_SET_ITEM(load->arguments, (Py_ssize_t)at, Py_NewRef(argument));
	}
	if (weakly && !load->instance) {
		Py_DECREF(load);
		return NULL;
	}
	load->own = Py_XNewRef(own);
	load->memo = (struct memo *)Py_NewRef(memo);
	PyObject_GC_Track(load);
	return (PyObject *)load;
}

PyObject *async_load_new(struct memo *memo, const struct call *call, PyObject *own)
{
	return load_new(memo, call, own, false);
}

PyObject *async_load_new_refresh(struct memo *memo, const struct call *call, PyObject *own)
{
	bool weakly = memo->method && call->count > 0 &&
		PyType_SUPPORTS_WEAKREFS(Py_TYPE(call->arguments[0]));
	return load_new(memo, call, own, weakly);
}

static int load_traverse(PyObject *self, visitproc visit, void *arg)
{
	struct async_load *load = (struct async_load *)self;
	Py_VISIT(load->memo);
	Py_VISIT(load->arguments);
	Py_VISIT(load->names);
	Py_VISIT(load->own);
	Py_VISIT(load->instance);
	Py_VISIT(load->past.value);
	Py_VISIT(load->loop);
	Py_VISIT(load->waiters);
	Py_VISIT(load->heir);
	Py_VISIT(load->outer);
	Py_VISIT(load->needs);
	Py_VISIT(load->value);
	Py_VISIT(load->error);
	/* The table visits one that is linked. */
	return load->entry && !load->entry->linked ? entry_traverse(load->entry, visit, arg) : 0;
}

static int load_clear(PyObject *self)
{
	struct async_load *load = (struct async_load *)self;
	struct entry *entry = load->entry;
	load->entry = NULL;
	if (entry) {
		memo_drop_load(load->memo, entry, &load->past);
	}
	Py_CLEAR(load->loop);
	Py_CLEAR(load->waiters);
	Py_CLEAR(load->heir);
	Py_CLEAR(load->outer);
	Py_CLEAR(load->needs);
	Py_CLEAR(load->value);
	Py_CLEAR(load->error);
	Py_CLEAR(load->own);
	Py_CLEAR(load->instance);
	past_clear(&load->past);
	Py_CLEAR(load->names);
	Py_CLEAR(load->arguments);
	Py_CLEAR(load->memo);
	return 0;
}

static void load_dealloc(PyObject *self)
{
	PyObject_GC_UnTrack(self);
	load_clear(self);
	PyObject_GC_Del(self);
}

static bool is_cleared(const struct async_load *load)
{
	if (!load->memo || !load->arguments) {
		PyErr_SetString(PyExc_ReferenceError, "this call is being collected");
		return true;
	}
	return false;
}

/* The key of a load, with its hash. Returns 0, or -1 with an exception. */
static int key_of_load(struct async_load *load, struct key *key)
{
	*key = load->own ? (struct key){ .arguments = &load->own, .count = 1 }
			 : memo_key_of_call(load->memo, items(load->arguments),
				   positional_count(load), load->names);
	return table_hash(&load->memo->table, key);
}

static struct call call_of_load(const struct async_load *load)
{
	return (struct call){ load->memo->function, items(load->arguments), positional_count(load),
		load->names };
}

static void count_once(struct async_load *load, unsigned long long *counter)
{
	*counter += !load->is_counted;
	load->is_counted = true;
}

static PyObject *in_tuple(PyObject *value)
{
	PyObject *tuple = value ? PyTuple_Pack(1, value) : NULL;
	Py_XDECREF(value);
	return tuple;
}

/* Returns 0, or -1 with an exception. */
static int make_lists(struct async_load *load)
{
	if (!load->waiters) {
		load->waiters = PyList_New(0);
	}
	if (!load->needs) {
		load->needs = PyList_New(0);
	}
	return load->waiters && load->needs ? 0 : -1;
}

/* enter(shares): begin the load. Returns a tuple of the value, which may be stale or stored by
 * another call meanwhile; this load, which now has the entry; the load that has it; or None: the
 * load has no entry, because it shares none, or there is no memory, or the table changes at once.
 */
static PyObject *load_enter(PyObject *self, PyObject *shares)
{
	struct async_load *load = (struct async_load *)self;
	struct memo *memo = load->memo;
	struct entry *entry = NULL;
	PyObject *value = NULL;
	struct key key;
	if (is_cleared(load) || key_of_load(load, &key) < 0 ||
		table_find(&memo->table, &key, &entry) < 0) {
		return NULL;
	}
	struct call call = call_of_load(load);
	enum usable usable = memo_use(memo, &key, &call, &entry, &load->past, &value);
	if (usable == USABLE_ERROR) {
		load->is_counted = true;
		return NULL;
	}
	if (usable == USABLE_VALUE) {
		memo->hits -= load->is_counted;
		load->is_counted = true;
		PyObject *given = memo_give(memo, value);
		Py_DECREF(value);
		return in_tuple(given);
	}
	if (shares != Py_True) {
		count_once(load, &memo->misses);
		Py_RETURN_NONE;
	}
	if (entry && entry->forks == flight_forks()) {
		count_once(load, &memo->hits);
		return Py_NewRef(entry->load);
	}
	if (entry) {
		/* The load of a task of the parent process, which does not run here. */
		eviction_remove(&memo->table, entry);
	}
	count_once(load, &memo->misses);
	if (make_lists(load) < 0) {
		return NULL;
	}
	entry = memo_add(memo, &key);
	if (!entry) {
		Py_RETURN_NONE;
	}
	entry->is_loading = true;
	entry->flight = NULL;
	entry->load = self;
	entry->forks = flight_forks();
	load->entry = entry;
	load->leads = true;
	return Py_NewRef(self);
}

/* call(): call the function; returns its coroutine. */
static PyObject *load_call(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	struct async_load *load = (struct async_load *)self;
	if (is_cleared(load)) {
		return NULL;
	}
	PyObject *arguments = Py_NewRef(load->arguments);
	struct call call = call_of_load(load);
	PyObject *coroutine = memo_run(&call);
	Py_DECREF(arguments);
	return coroutine;
}

/* drop(): the load is given up. */
static PyObject *load_drop(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	struct async_load *load = (struct async_load *)self;
	struct entry *entry = load->entry;
	load->entry = NULL;
	if (entry) {
		memo_drop_load(load->memo, entry, &load->past);
	}
	Py_RETURN_NONE;
}

/* The load has ended, with `value`, whose reference is taken, or with the exception that is set.
 * Returns what callers get of it. Without an entry, which another load has, the value is stored if
 * none is there. */
static PyObject *end(struct async_load *load, PyObject *value)
{
	PyObject *type, *error, *trace;
	struct key key;
	PyErr_Fetch(&type, &error, &trace);
	if (is_cleared(load) || key_of_load(load, &key) < 0) {
		Py_XDECREF(value);
		Py_XDECREF(type);
		Py_XDECREF(error);
		Py_XDECREF(trace);
		load_drop((PyObject *)load, NULL);
		return NULL;
	}
	PyErr_Restore(type, error, trace);
	/* Only now: another thread, or code of the hash, may have dropped it. */
	struct entry *entry = load->entry;
	load->entry = NULL;
	return memo_end_load(load->memo, &key, entry, value, &load->past);
}

/* keep(value): returns what callers get of it before copies. */
static PyObject *load_keep(PyObject *self, PyObject *value)
{
	return end((struct async_load *)self, Py_NewRef(value));
}

/* fail(error): returns a stale value that callers get, or raises the error. */
static PyObject *load_fail(PyObject *self, PyObject *error)
{
	if (!PyExceptionInstance_Check(error)) {
		PyErr_SetString(PyExc_TypeError, "fail takes an exception");
		return NULL;
	}
	PyErr_Restore(Py_NewRef(Py_TYPE(error)), Py_NewRef(error), PyException_GetTraceback(error));
	return end((struct async_load *)self, NULL);
}

/* give(value): what a caller gets of it: a copy, if the cache makes copies. */
static PyObject *load_give(PyObject *self, PyObject *value)
{
	struct async_load *load = (struct async_load *)self;
	return is_cleared(load) ? NULL : memo_give(load->memo, value);
}

/* begin_refresh(): whether there is still something to refresh; then end_refresh(value) or
 * fail_refresh(error) follows. */
static PyObject *load_begin_refresh(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	struct async_load *load = (struct async_load *)self;
	struct entry *entry = NULL;
	struct key key;
	if (is_cleared(load)) {
		return NULL;
	}
	if (load->instance) {
		PyObject *instance = PyWeakref_GetObject(load->instance);
		if (!instance || instance == Py_None) {
			return instance ? Py_NewRef(Py_False) : NULL;
		}
		PyObject *before = PyTuple_GET_ITEM(load->arguments, 0);
		PyTuple_SET_ITEM(load->arguments, 0, Py_NewRef(instance));
		Py_DECREF(before);
	}
	if (key_of_load(load, &key) < 0 || table_find(&load->memo->table, &key, &entry) < 0) {
		return NULL;
	}
	return PyBool_FromLong(entry && entry->value &&
		freshness_begin_refresh(load->memo, entry, &load->generation));
}

static PyObject *end_refresh(PyObject *self, PyObject *result,
	int (*note)(struct memo *, const struct key *, uint64_t, PyObject *))
{
	struct async_load *load = (struct async_load *)self;
	struct key key;
	if (is_cleared(load) || key_of_load(load, &key) < 0 ||
		note(load->memo, &key, load->generation, result) < 0) {
		return NULL;
	}
	Py_RETURN_NONE;
}

static PyObject *load_end_refresh(PyObject *self, PyObject *value)
{
	return end_refresh(self, value, freshness_end_refresh);
}

static PyObject *load_fail_refresh(PyObject *self, PyObject *error)
{
	return end_refresh(self, error, freshness_end_failed_refresh);
}

/* detach(): the load goes on, if its loop ever runs again, but no call finds it or gets its value.
 */
static PyObject *load_detach(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	struct async_load *load = (struct async_load *)self;
	if (load->entry && load->entry->linked) {
		eviction_remove(&load->memo->table, load->entry);
	}
	Py_RETURN_NONE;
}

/* Remove an item of the waiters, which are tuples (loop, future). No other code runs. */
static int remove_waiter(struct async_load *load, Py_ssize_t at)
{
	return PyList_SetSlice(load->waiters, at, at + 1, NULL);
}

/* next_waiter(loop): take the first waiter of this loop out of the list, or the first of any; it is
 * the heir of the load. Returns it, or None. */
static PyObject *load_next_waiter(PyObject *self, PyObject *loop)
{
	struct async_load *load = (struct async_load *)self;
	Py_ssize_t count = load->waiters ? PyList_GET_SIZE(load->waiters) : 0, at = 0;
	if (count == 0) {
		Py_RETURN_NONE;
	}
	while (at < count && PyTuple_GET_ITEM(PyList_GET_ITEM(load->waiters, at), 0) != loop) {
		at++;
	}
	at = at < count ? at : 0;
	PyObject *waiter = Py_NewRef(PyList_GET_ITEM(load->waiters, at));
	if (remove_waiter(load, at) < 0) {
		Py_DECREF(waiter);
		return NULL;
	}
	PyObject *before[] = { load->loop, load->heir };
	load->loop = Py_NewRef(PyTuple_GET_ITEM(waiter, 0));
	load->heir = Py_NewRef(PyTuple_GET_ITEM(waiter, 1));
	Py_XDECREF(before[0]);
	Py_XDECREF(before[1]);
	return waiter;
}

/* leave(future): it waits no longer. Returns whether it is the heir of the load, and then no longer
 * is. */
static PyObject *load_leave(PyObject *self, PyObject *future)
{
	struct async_load *load = (struct async_load *)self;
	if (load->heir == future) {
		Py_CLEAR(load->heir);
		Py_RETURN_TRUE;
	}
	for (Py_ssize_t at = 0; load->waiters && at < PyList_GET_SIZE(load->waiters); at++) {
		if (PyTuple_GET_ITEM(PyList_GET_ITEM(load->waiters, at), 1) == future) {
			return remove_waiter(load, at) < 0 ? NULL : Py_NewRef(Py_False);
		}
	}
	Py_RETURN_FALSE;
}

static PyObject *load_coalesces(PyObject *self, void *nothing)
{
	(void)nothing;
	struct async_load *load = (struct async_load *)self;
	return PyBool_FromLong(load->memo && load->memo->coalesce);
}

static PyObject *load_memo(PyObject *self, void *nothing)
{
	(void)nothing;
	struct async_load *load = (struct async_load *)self;
	return is_cleared(load) ? NULL : Py_NewRef(load->memo);
}

static PyObject *load_is_async(PyObject *self, void *nothing)
{
	(void)nothing;
	struct async_load *load = (struct async_load *)self;
	return PyBool_FromLong(load->memo && load->memo->load_async);
}

static PyMethodDef load_methods[] = {
	{ "enter", load_enter, METH_O, NULL },
	{ "call", load_call, METH_NOARGS, NULL },
	{ "keep", load_keep, METH_O, NULL },
	{ "fail", load_fail, METH_O, NULL },
	{ "begin_refresh", load_begin_refresh, METH_NOARGS, NULL },
	{ "end_refresh", load_end_refresh, METH_O, NULL },
	{ "fail_refresh", load_fail_refresh, METH_O, NULL },
	{ "give", load_give, METH_O, NULL },
	{ "drop", load_drop, METH_NOARGS, NULL },
	{ "detach", load_detach, METH_NOARGS, NULL },
	{ "next_waiter", load_next_waiter, METH_O, NULL },
	{ "leave", load_leave, METH_O, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyMemberDef load_members[] = {
	{ "loop", T_OBJECT, offsetof(struct async_load, loop), 0, NULL },
	{ "waiters", T_OBJECT, offsetof(struct async_load, waiters), READONLY, NULL },
	{ "outer", T_OBJECT, offsetof(struct async_load, outer), 0, NULL },
	{ "needs", T_OBJECT, offsetof(struct async_load, needs), READONLY, NULL },
	{ "value", T_OBJECT, offsetof(struct async_load, value), 0, NULL },
	{ "error", T_OBJECT, offsetof(struct async_load, error), 0, NULL },
	{ "ended", T_BOOL, offsetof(struct async_load, ended), 0, NULL },
	{ "leads", T_BOOL, offsetof(struct async_load, leads), 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static PyGetSetDef load_getset[] = {
	{ "coalesces", load_coalesces, NULL, NULL, NULL },
	{ "memo", load_memo, NULL, NULL, NULL },
	{ "is_async", load_is_async, NULL, NULL, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

PyTypeObject async_load_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "scopecache._core.Load",
	.tp_basicsize = sizeof(struct async_load),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.tp_dealloc = load_dealloc,
	.tp_traverse = load_traverse,
	.tp_clear = load_clear,
	.tp_methods = load_methods,
	.tp_members = load_members,
	.tp_getset = load_getset,
};
