/* memo.h - the memo: a callable that caches its results, and the store of a Cache. Shared by the
 * files whose names begin with memo_, and by async_load.c. */
#ifndef SCOPECACHE_PYTHON_MEMO_H
#define SCOPECACHE_PYTHON_MEMO_H

#include <Python.h>

#include "expiry_clock.h"
#include "entry_order.h"
#include "table.h"

#ifdef Py_GIL_DISABLED
#error "scopecache needs an interpreter with the global interpreter lock."
#endif

struct freshness;

struct memo {
	PyObject_HEAD vectorcallfunc vectorcall;
	struct table table;
	int64_t ttl_ns; /* 0: no end */
	unsigned long long hits, misses;
	PyObject *function, *info_type, *ttl_of, *key_of, *copy;
	/* Of a coroutine function: makes the coroutine of a miss from its struct async_load. */
	PyObject *load_async;
	/* The callback of weak references to instances; NULL before the first. */
	PyObject *on_instance_end;
	PyObject *dict, *weak_references;
	struct freshness *fresh; /* NULL: without these options */
	double usual_refresh_s;  /* what most refreshes do not take longer than */
	int jitter_percent;
	bool coalesce, knows_self, method;
	/* Unlike functools: a coroutine gives its value once. */
	bool refuses_coroutines;
	/* When a call of a key runs inside another call of it, the value of the last to end stays,
	 * not that of the first: functools does so without a bound. */
	bool last_stays;
	/* A call with positional arguments only needs no conversion of its key or its value. */
	bool is_plain;
};

/* The call to make on a miss. */
struct call {
	PyObject *function;
	PyObject *const *arguments;
	size_t count;
	PyObject *names;
};

/* Calls as functions and as coroutine functions. */
PyObject *memo_vectorcall(PyObject *self, PyObject *const *arguments, size_t flags,
	PyObject *names);
PyObject *memo_vectorcall_async(PyObject *self, PyObject *const *arguments, size_t flags,
	PyObject *names);

/* Call the function. */
PyObject *memo_run(const struct call *call);

/* What an entry gets besides its value. */
struct life {
	int64_t now_ns; /* INT64_MIN: the time was not read, because it never ends */
	int64_t deadline_ns;
	struct notes notes; /* in a memo with freshness */
};

/* What was there before a load, for the case that it fails: a value, or NULL. */
struct past {
	PyObject *value;
	struct notes notes;
};

/* A lookup found no fresh value, but what is in `entry`, or NULL: call the function, or wait for a
 * call of another thread. */
PyObject *memo_miss(struct memo *memo, const struct key *key, const struct call *call,
	struct entry *entry);

/* What a miss finds. */
enum usable {
	USABLE_ERROR = -1, /* with an exception */
	USABLE_NONE,       /* no entry; *past has what was in an expired one */
	USABLE_LOADING,    /* *entry is being loaded */
	USABLE_VALUE,      /* *value, a new reference, not copied; counted */
};

/* See what has become of *entry, which table_find() found; expired ones are removed. */
enum usable memo_use(struct memo *memo, const struct key *key, const struct call *call,
	struct entry **entry, struct past *past, PyObject **value);

/* ---- memo_store.c ---- */

/* Store a value. Without `replace`, a value that another call stored meanwhile stays, as in
 * functools. Returns 0, or -1 with an exception; without memory the value is not stored, which is
 * no error. */
int memo_store(struct memo *memo, const struct key *key, PyObject *value, bool replace);
int memo_store_life(struct memo *memo, const struct key *key, PyObject *value,
	const struct life *life, bool replace);

/* Draw other numbers for jitter than another process with the same memory. */
void memo_draw_anew(void);

/* The deadline and the notes of a value. Returns 0; 1 when it is not to be stored; -1 with an
 * exception. */
int memo_life_of(struct memo *memo, PyObject *value, struct life *life);

/* Add an entry without a value. Returns NULL, without an exception, when memory is out or the table
 * has changed. */
struct entry *memo_add(struct memo *memo, const struct key *key);

/* A load has ended: with `value`, whose reference is taken; or, if that is NULL, with the exception
 * that is set. `entry` is its entry, which is stored or freed; NULL: it has none. Returns what the
 * callers get, a new reference, which may be a stale value; or NULL with an exception. */
PyObject *memo_end_load(struct memo *memo, const struct key *key, struct entry *entry,
	PyObject *value, struct past *past);

/* A load is given up. An exception that is set stays. */
void memo_drop_load(struct memo *memo, struct entry *entry, struct past *past);

/* The methods that a Cache is made of; private. */
PyObject *memo_mapping_lookup(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *memo_mapping_has(PyObject *self, PyObject *key);
PyObject *memo_mapping_take(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *memo_mapping_store(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *memo_mapping_load(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *memo_mapping_keys(PyObject *self, PyObject *nothing);
PyObject *memo_mapping_bytes(PyObject *self, PyObject *nothing);

/* The caller's result for a cached value: a new reference, or a copy. To copy may run code that
 * removes the value from the cache. */
static inline PyObject *memo_give(struct memo *memo, PyObject *value)
{
	Py_INCREF(value);
	if (!memo->copy) {
		return value;
	}
	PyObject *copy = PyObject_CallOneArg(memo->copy, value);
	Py_DECREF(value);
	return copy;
}

/* `self` is compared by identity if its class is made in Python. Other first arguments, such as
 * numbers and text, are compared by equality, because a method can be called as a function. */
static inline struct key memo_key_of_call(const struct memo *memo, PyObject *const *arguments,
	size_t count, PyObject *names)
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

static inline bool entry_is_fresh(const struct entry *entry)
{
	return entry->deadline_ns == NO_DEADLINE || clock_now_ns() < entry->deadline_ns;
}

/* Whether there is a value, though it may be stale. */
static inline bool entry_is_there(struct entry *entry)
{
	if (!entry->value || !entry->has_notes) {
		return entry->value && entry_is_fresh(entry);
	}
	return notes_of(entry)->kind <= NOTES_ABSENT_VALUE &&
		clock_now_ns() < notes_of(entry)->expires_ns;
}

/* The same without those that are stale. */
static inline bool entry_is_current(struct entry *entry)
{
	return entry_is_there(entry) &&
		(!entry->has_notes || clock_now_ns() < notes_of(entry)->fresh_until_ns);
}

/* The value of a key whose hash is set, after table_find_same() found none. */
static inline PyObject *memo_find(struct memo *memo, const struct key *key, const struct call *call)
{
	struct entry *entry;
	if (table_find(&memo->table, key, &entry) < 0) {
		return NULL;
	}
	if (entry && entry->value && entry_is_fresh(entry)) {
		memo->hits++;
		eviction_hit(&memo->table, entry);
		return memo_give(memo, entry->value);
	}
	return memo_miss(memo, key, call, entry);
}

static inline PyObject *memo_look_up(struct memo *memo, struct key *key, const struct call *call)
{
	if (table_hash(&memo->table, key) < 0) {
		return NULL;
	}
	struct entry *entry = table_find_same(&memo->table, key);
	if (entry && entry->value && entry_is_fresh(entry)) {
		memo->hits++;
		eviction_hit(&memo->table, entry);
		return memo_give(memo, entry->value);
	}
	return memo_find(memo, key, call);
}

#endif
