/* table.h - the entries of one cache: found by their arguments.
 *
 * A lookup builds no key object: the arguments lie where the interpreter's call has them, their
 * hashes are mixed, and each is compared with that of the entry. Everything here needs the
 * interpreter's lock. */
#ifndef SCOPECACHE_PYTHON_TABLE_H
#define SCOPECACHE_PYTHON_TABLE_H

#include <Python.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define NO_DEADLINE INT64_MAX

struct flight;
struct sc_eviction;

struct entry {
	struct entry *chain; /* the next in the same bucket */
	PyObject *value;     /* NULL while it is being loaded */
	PyObject *names;     /* of keyword arguments; NULL: none */
	Py_hash_t hash;
	union {
		struct {
			struct flight *flight; /* being loaded, for its waiters; or NULL */
			pthread_t owner;       /* and the thread that loads */
		};
		struct {
			struct entry *newer, *older; /* with one, and exact order */
		};
		uint32_t number; /* with one, and the adaptive policy */
	};
	union {
		int64_t deadline_ns;
		int64_t forks; /* being loaded: in which process; see call_flight.c */
	};
	size_t bytes;
	uint32_t count; /* arguments, positional and keyword */
	bool linked;    /* in the table */
	/* It belongs to the call that loads it, which frees it or gives it a value. */
	bool is_loading;
	bool has_self; /* the first argument is an instance, known by its identity */
	bool weak;     /* and is kept as a weak reference */
	PyObject *arguments[];
};

struct table {
	struct entry **buckets; /* NULL before the first entry */
	size_t mask;
	size_t slots_used; /* entries in the buckets, with those being loaded */
	size_t swept;      /* the next bucket to look for expired entries */
	size_t count;      /* entries with a value */
	size_t bytes;      /* of those */
	uint64_t version;  /* of what is in the buckets: a comparison may run anybody's code */
	struct sc_eviction *order; /* of the adaptive policy; NULL before the first entry */
	struct entry **by_number;  /* its entries */
	size_t numbers;
	struct entry *newest, *oldest; /* entries with a value, by their use, for exact order */
	Py_ssize_t maxsize;            /* -1: no bound */
	size_t max_bytes;              /* 0: no bound */
	bool typed, exact;
	bool names_arguments; /* in the TypeError of one that is not hashable */
};

/* The arguments of a call; all borrowed. */
struct key {
	PyObject *const *arguments;
	PyObject *names;
	Py_hash_t hash;
	uint32_t count;
	bool has_self, weak; /* as in struct entry */
};

static inline uint64_t key_mix(uint64_t state, uint64_t value)
{
	state = (state ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return state ^ state >> 32;
}

/* The hash of text that has been hashed before, and of small numbers, without a call; -1: unknown.
 */
static inline Py_hash_t quick_hash(PyObject *object)
{
	if (PyUnicode_CheckExact(object)) {
		return ((PyASCIIObject *)object)->hash;
	}
#if PY_VERSION_HEX < 0x030C0000
	if (PyLong_CheckExact(object)) {
		Py_ssize_t size = Py_SIZE(object);
		if (size == 1 || size == 0) {
			return size ? (Py_hash_t)((PyLongObject *)object)->ob_digit[0] : 0;
		}
	}
#else
	if (PyLong_CheckExact(object) && PyUnstable_Long_IsCompact((PyLongObject *)object)) {
		Py_ssize_t value = PyUnstable_Long_CompactValue((PyLongObject *)object);
		return value >= 0 ? value : -1;
	}
#endif
	return -1;
}

int table_hash_any(const struct table *table, struct key *key);

/* Fill in the hash. Returns 0, or -1 with an exception. */
static inline int table_hash(const struct table *table, struct key *key)
{
	uint64_t state = key->count;
	uint32_t at = 0;
	if (table->typed) {
		return table_hash_any(table, key);
	}
	if (key->has_self) {
		state = key_mix(state, (uintptr_t)key->arguments[0] >> 4);
		at = 1;
	}
	for (; at < key->count; at++) {
		Py_hash_t hash = quick_hash(key->arguments[at]);
		if (hash == -1) {
			return table_hash_any(table, key);
		}
		state = key_mix(state, (uint64_t)hash);
	}
	for (Py_ssize_t i = 0; key->names && i < PyTuple_GET_SIZE(key->names); i++) {
		Py_hash_t hash = quick_hash(PyTuple_GET_ITEM(key->names, i));
		if (hash == -1) {
			return table_hash_any(table, key);
		}
		state = key_mix(state, (uint64_t)hash);
	}
	key->hash = (Py_hash_t)state;
	return 0;
}

/* The entry of the very same objects, which no code has to be run to find; or NULL. */
static inline struct entry *table_find_same(const struct table *table, const struct key *key)
{
	if (!table->buckets) {
		return NULL;
	}
	struct entry *entry = table->buckets[(size_t)key->hash & table->mask];
	for (; entry; entry = entry->chain) {
		if (entry->hash != key->hash || entry->count != key->count ||
			entry->names != key->names || entry->has_self != key->has_self ||
			entry->weak != key->weak) {
			continue;
		}
		uint32_t at = key->weak;
		if (at && PyWeakref_GET_OBJECT(entry->arguments[0]) != key->arguments[0]) {
			continue;
		}
		while (at < key->count && entry->arguments[at] == key->arguments[at]) {
			at++;
		}
		if (at == key->count) {
			return entry;
		}
	}
	return NULL;
}

/* Find the entry of `key`. Returns 0 with *found set or NULL, or -1 with an exception. */
int table_find(struct table *table, const struct key *key, struct entry **found);

/* Make an entry for `key`, which the table does not have, with no value. `callback` is called with
 * the weak reference when the instance ends. Returns NULL, without an exception, when memory is
 * out or the table has changed meanwhile. */
struct entry *table_add(struct table *table, const struct key *key, PyObject *callback);

/* The weak reference in entries is of this type, so that it knows the entry's bucket. */
extern PyTypeObject instance_reference_type;

/* The entry that has this weak reference to its instance, or NULL. */
struct entry *table_find_instance(const struct table *table, PyObject *reference);

/* Take an entry out of its bucket. What has a value is also in an order; see entry_order.h. */
void table_unlink(struct table *table, struct entry *entry);

/* Take all out of their buckets, as a list over `chain` of those that are not being loaded. */
struct entry *table_unlink_all(struct table *table);

/* Free what has been taken out, which may run anybody's code. One that is being loaded is freed
 * when that ends. */
void entry_free(struct entry *entry);
void entries_free(struct entry *list);

int table_traverse(struct table *table, visitproc visit, void *arg);

#endif
