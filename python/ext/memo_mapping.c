/* memo_mapping.c - the methods that a Cache is made of. Its keys are calls with one argument. */
#include "memo.h"

/* lookup(key, default): the value, counted as a use. */
PyObject *memo_mapping_lookup(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
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
	if (entry && entry->value && entry_is_fresh(entry)) {
		memo->hits++;
		eviction_hit(&memo->table, entry);
		return memo_give(memo, entry->value);
	}
	memo->misses++;
	return Py_NewRef(arguments[1]);
}

/* has(key): whether there is a value, which does not count as a use. */
PyObject *memo_mapping_has(PyObject *self, PyObject *argument)
{
	struct memo *memo = (struct memo *)self;
	struct key key = { .arguments = &argument, .count = 1 };
	struct entry *entry;
	if (table_hash(&memo->table, &key) < 0 || table_find(&memo->table, &key, &entry) < 0) {
		return NULL;
	}
	return PyBool_FromLong(entry && entry->value && entry_is_fresh(entry));
}

/* take(key, default): remove the entry, and return its value. A load of the key that is under way
 * is not stored. */
PyObject *memo_mapping_take(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
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
		if (entry->value && entry_is_fresh(entry)) {
			value = Py_NewRef(entry->value);
		}
		eviction_remove(&memo->table, entry);
		entry_free(entry);
	}
	*(value ? &memo->hits : &memo->misses) += 1;
	return value ? value : Py_NewRef(arguments[1]);
}

/* store(key, value): insert or replace. A load of this key that is under way is not stored. With
 * `copy` the cache gets a copy, so that it shares no object with the caller. */
PyObject *memo_mapping_store(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
	struct memo *memo = (struct memo *)self;
	if (count != 2) {
		PyErr_SetString(PyExc_TypeError, "store takes a key and a value");
		return NULL;
	}
	struct key key = { .arguments = arguments, .count = 1 };
	if (table_hash(&memo->table, &key) < 0) {
		return NULL;
	}
	PyObject *value = memo_give(memo, arguments[1]);
	int failed = !value || memo_store(memo, &key, value, true) < 0;
	Py_XDECREF(value);
	if (failed) {
		return NULL;
	}
	Py_RETURN_NONE;
}

/* load(key, loader): the value, or what loader() returns, called once for all threads. */
PyObject *memo_mapping_load(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
	if (count != 2) {
		PyErr_SetString(PyExc_TypeError, "load takes a key and a function");
		return NULL;
	}
	struct key key = { .arguments = arguments, .count = 1 };
	struct call call = { .function = arguments[1] };
	return memo_look_up((struct memo *)self, &key, &call);
}

/* keys(): those of fresh entries with one argument. No other code runs during the walk: an append
 * allocates nothing that could start the collector. */
PyObject *memo_mapping_keys(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	const struct table *table = &((struct memo *)self)->table;
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && table->buckets && i <= table->mask; i++) {
		for (struct entry *entry = table->buckets[i]; list && entry; entry = entry->chain) {
			if (entry->value && entry->count == 1 && entry_is_fresh(entry) &&
				PyList_Append(list, entry->arguments[0]) < 0) {
				Py_CLEAR(list);
			}
		}
	}
	return list;
}

PyObject *memo_mapping_bytes(PyObject *self, PyObject *nothing)
{
	(void)nothing;
	return PyLong_FromSize_t(((struct memo *)self)->table.bytes);
}
