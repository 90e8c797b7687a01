/* memo_call.c - a miss: the function is called once for all threads that need the key, and its
 * result is stored.
 *
 * In a cache that coalesces, an entry without a value is put in the table before the function is
 * called. Other threads find the entry and wait for its flight. An invalidation removes the entry,
 * so that an outdated value is never stored. */
#include "memo.h"

#include "call_flight.h"
#include "weight.h"

/* A cache that the collector has cleared may still be called, by another object of its cycle. */
PyObject *memo_run(const struct call *call)
{
	if (!call->function) {
		PyErr_SetString(PyExc_ReferenceError, "this cache is being collected");
		return NULL;
	}
	return PyObject_Vectorcall(call->function, call->arguments, call->count, call->names);
}

/* The time of a value's insertion and its deadline; INT64_MIN and NO_DEADLINE without a ttl. */
struct life {
	int64_t now_ns, deadline_ns;
};

static int refuse_coroutine(PyObject *coroutine)
{
	PyObject *closed = PyObject_CallMethod(coroutine, "close", NULL);
	Py_XDECREF(closed);
	if (closed) {
		PyErr_SetString(PyExc_TypeError,
			"the function returned a coroutine, which can be awaited only once: give "
			"cached the coroutine function itself");
	}
	return -1;
}

/* Returns 0; 1 when the value is not to be stored; -1 with an exception. */
static int life_of(struct memo *memo, PyObject *value, struct life *life)
{
	int64_t ttl_ns = memo->ttl_ns;
	*life = (struct life){ INT64_MIN, NO_DEADLINE };
	if (memo->refuses_coroutines && PyCoro_CheckExact(value)) {
		return refuse_coroutine(value);
	}
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
		int64_t now_ns = clock_now_ns();
		life->now_ns = now_ns;
		life->deadline_ns = ttl_ns < NO_DEADLINE - now_ns ? now_ns + ttl_ns : NO_DEADLINE;
	}
	return 0;
}

/* Give the entry its value. Afterwards it may be evicted and freed. */
static void fill(struct memo *memo, struct entry *entry, PyObject *value, struct life life,
	size_t bytes)
{
	entry->value = Py_NewRef(value);
	entry->deadline_ns = life.deadline_ns;
	entry->bytes = bytes;
	/* Remove expired entries before any is evicted. Free only at the end: that may run code. */
	struct entry *expired = NULL;
	if (life.now_ns != INT64_MIN) {
		expired = eviction_sweep(&memo->table, life.now_ns);
	}
	struct entry *evicted = eviction_insert(&memo->table, entry);
	entries_free(expired);
	entries_free(evicted);
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
	struct table *table = &((struct memo *)self)->table;
	struct entry *entry = Py_IS_TYPE(reference, &instance_reference_type)
		? table_find_instance(table, reference)
		: NULL;
	if (entry) {
		eviction_remove(table, entry);
		entry_free(entry);
	}
	Py_RETURN_NONE;
}

static PyMethodDef instance_end_method = { "_instance_end", on_instance_end, METH_O, NULL };

struct entry *memo_add(struct memo *memo, const struct key *key)
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

int memo_store(struct memo *memo, const struct key *key, PyObject *value, bool replace)
{
	struct life life;
	struct entry *entry, *old = NULL;
	int keep = memo->table.maxsize ? life_of(memo, value, &life) : 1;
	size_t bytes = keep == 0 ? bytes_of(memo, key, value) : 0;
	if (keep < 0 || table_find(&memo->table, key, &entry) < 0) {
		return -1;
	}
	/* Remove the entry of a load that is under way, so that its value does not replace this
	 * one. Free the old entry last: that may run code, and let other threads run. */
	bool is_unusable = entry && keep == 0 && (!entry->value || !entry_is_fresh(entry));
	if (is_unusable || (entry && replace)) {
		eviction_remove(&memo->table, entry);
		old = entry->is_loading ? NULL : entry;
		entry = NULL;
	}
	if (keep == 0 && !entry) {
		entry = memo_add(memo, key);
		if (entry) {
			fill(memo, entry, value, life, bytes);
		}
	}
	if (old) {
		entry_free(old);
	}
	return 0;
}

/* Call the function and store its result, without a flight: no other thread waits for it. */
static PyObject *load_alone(struct memo *memo, const struct key *key, const struct call *call)
{
	PyObject *value = memo_run(call);
	if (value && memo_store(memo, key, value, memo->last_stays) < 0) {
		Py_CLEAR(value);
	}
	return value;
}

void memo_drop_load(struct memo *memo, struct entry *entry)
{
	PyObject *type, *error, *trace;
	PyErr_Fetch(&type, &error, &trace);
	entry->is_loading = false;
	if (entry->linked) {
		eviction_remove(&memo->table, entry);
	}
	entry_free(entry);
	PyErr_Restore(type, error, trace);
}

int memo_end_load(struct memo *memo, const struct key *key, struct entry *entry, PyObject *value)
{
	struct life life;
	int keep = life_of(memo, value, &life);
	size_t bytes = keep == 0 ? bytes_of(memo, key, value) : 0;
	/* Not known before: this ran Python code. */
	flight_end(entry, keep < 0 ? NULL : value);
	if (entry->linked && keep == 0) {
		fill(memo, entry, value, life, bytes);
	} else {
		memo_drop_load(memo, entry);
	}
	return keep < 0 ? -1 : 0;
}

/* The same in a flight: other threads that need the key wait for this call. */
static PyObject *load_in_flight(struct memo *memo, const struct key *key, const struct call *call)
{
	struct entry *entry = memo_add(memo, key);
	if (!entry) {
		return load_alone(memo, key, call);
	}
	flight_begin(entry);
	PyObject *value = memo_run(call);
	if (!value) {
		flight_end(entry, NULL);
		memo_drop_load(memo, entry);
	} else if (memo_end_load(memo, key, entry, value) < 0) {
		Py_CLEAR(value);
	}
	return value;
}

/* Remove *entry if it has a value and is not fresh, and see what has taken its place. */
static int remove_expired(struct memo *memo, const struct key *key, struct entry **entry)
{
	while (*entry && (*entry)->value && !entry_is_fresh(*entry)) {
		eviction_remove(&memo->table, *entry);
		entry_free(*entry);
		if (table_find(&memo->table, key, entry) < 0) {
			return -1;
		}
	}
	return 0;
}

int memo_find_usable(struct memo *memo, const struct key *key, struct entry **entry)
{
	return table_find(&memo->table, key, entry) < 0 ? -1 : remove_expired(memo, key, entry);
}

PyObject *memo_miss(struct memo *memo, const struct key *key, const struct call *call,
	struct entry *entry)
{
	if (remove_expired(memo, key, &entry) < 0) {
		return NULL;
	}
	if (entry && entry->value) {
		memo->hits++;
		return memo_give(memo, entry->value);
	}
	PyObject *value = NULL;
	bool waits = entry && !flight_is_own(entry);
	*(waits ? &memo->hits : &memo->misses) += 1;
	if (!waits) {
		value = memo->coalesce && !entry ? load_in_flight(memo, key, call)
						 : load_alone(memo, key, call);
	} else if (flight_wait(entry, &value) == 1) {
		value = load_alone(memo, key, call);
	}
	if (value && memo->copy) {
		PyObject *copy = PyObject_CallOneArg(memo->copy, value);
		Py_DECREF(value);
		value = copy;
	}
	return value;
}
