/* memo_vectorcall.c - calls of a memo. A hit allocates nothing; that of a coroutine function takes
 * its awaitable from those kept for reuse. */
#include "memo.h"

#include "async_load.h"
#include "ready.h"

/* The fast path, which most calls take: the value for positional arguments that are the same
 * objects as those of an entry, found without running Python code. Otherwise NULL without an
 * exception, and either the key's hash is set or its count is 0. */
static inline PyObject *quick_hit(struct memo *memo, PyObject *const *arguments, size_t count,
	struct key *key)
{
	struct table *table = &memo->table;
	uint64_t state = count;
	for (size_t at = 0; at < count; at++) {
		Py_hash_t hash = quick_hash(arguments[at]);
		if (hash == -1) {
			return NULL;
		}
		state = key_mix(state, (uint64_t)hash);
	}
	*key = (struct key){ .arguments = arguments,
		.hash = (Py_hash_t)state,
		.count = (uint32_t)count };
	struct entry *entry = table->buckets ? table->buckets[state & table->mask] : NULL;
	for (; entry; entry = entry->chain) {
		if ((uint64_t)entry->hash != state || entry->count != count || entry->names ||
			!entry->value) {
			continue;
		}
		size_t at = 0;
		while (at < count && entry->arguments[at] == arguments[at]) {
			at++;
		}
		if (at == count && entry_is_fresh(entry)) {
			memo->hits++;
			eviction_hit(table, entry);
			return Py_NewRef(entry->value);
		}
	}
	return NULL;
}

PyObject *memo_vectorcall(PyObject *self, PyObject *const *arguments, size_t flags, PyObject *names)
{
	struct memo *memo = (struct memo *)self;
	size_t count = (size_t)PyVectorcall_NARGS(flags);
	struct key plain = { .count = 0 };
	if (memo->is_plain && !names) {
		PyObject *value = quick_hit(memo, arguments, count, &plain);
		if (value) {
			return value;
		}
	}
	struct call call = { memo->function, arguments, count, names };
	if (plain.count > 0) {
		return memo_find(memo, &plain, &call);
	}
	if (memo->table.maxsize == 0) {
		memo->misses++;
		return memo_run(&call);
	}
	if (!memo->key_of) {
		struct key key = memo_key_of_call(memo, arguments, count, names);
		return memo_look_up(memo, &key, &call);
	}
	PyObject *own = PyObject_Vectorcall(memo->key_of, arguments, count, names);
	if (!own) {
		return NULL;
	}
	struct key key = { .arguments = &own, .count = 1 };
	PyObject *value = memo_look_up(memo, &key, &call);
	Py_DECREF(own);
	return value;
}

/* The value of a key whose hash is set; or NULL, with an exception or without. */
static PyObject *find_fresh(struct memo *memo, const struct key *key)
{
	struct entry *entry = table_find_same(&memo->table, key);
	if (!entry && table_find(&memo->table, key, &entry) < 0) {
		return NULL;
	}
	if (!entry || !entry->value || !entry_is_fresh(entry)) {
		return NULL;
	}
	memo->hits++;
	eviction_hit(&memo->table, entry);
	return memo_give(memo, entry->value);
}

/* The awaitable of a call whose key's hash is set. `own` is what key_of returned, or NULL. */
static PyObject *await_key(struct memo *memo, const struct key *key, const struct call *call,
	PyObject *own)
{
	PyObject *value = find_fresh(memo, key);
	if (value) {
		return ready_new(value);
	}
	PyObject *load = PyErr_Occurred() ? NULL : async_load_new(memo, call, own);
	if (!load) {
		return NULL;
	}
	PyObject *coroutine = PyObject_CallOneArg(memo->load_async, load);
	Py_DECREF(load);
	return coroutine;
}

PyObject *memo_vectorcall_async(PyObject *self, PyObject *const *arguments, size_t flags,
	PyObject *names)
{
	struct memo *memo = (struct memo *)self;
	size_t count = (size_t)PyVectorcall_NARGS(flags);
	struct key key = { .count = 0 };
	if (memo->is_plain && !names) {
		PyObject *value = quick_hit(memo, arguments, count, &key);
		if (value) {
			return ready_new(value);
		}
	}
	struct call call = { memo->function, arguments, count, names };
	if (memo->table.maxsize == 0) {
		memo->misses++;
		return memo_run(&call);
	}
	if (!memo->load_async) {
		PyErr_SetString(PyExc_ReferenceError, "this cache is being collected");
		return NULL;
	}
	if (key.count > 0) {
		return await_key(memo, &key, &call, NULL);
	}
	PyObject *own = NULL, *awaitable = NULL;
	if (memo->key_of) {
		own = PyObject_Vectorcall(memo->key_of, arguments, count, names);
		if (!own) {
			return NULL;
		}
		key = (struct key){ .arguments = &own, .count = 1 };
	} else {
		key = memo_key_of_call(memo, arguments, count, names);
	}
	if (table_hash(&memo->table, &key) == 0) {
		awaitable = await_key(memo, &key, &call, own);
	}
	Py_XDECREF(own);
	return awaitable;
}
