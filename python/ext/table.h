/* table.h - the hash table of one cache; its keys are arguments.
 *
 * A lookup builds no key object: it mixes the hashes of the arguments where the interpreter has put
 * them, and compares each with that of the entry. Everything here needs the interpreter's lock. */
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
			struct flight *flight; /* while loading, for the waiters; or NULL */
			/* While loading: what does it, a thread or a struct async_load. */
			union {
				pthread_t owner;
				PyObject *load; /* borrowed: it owns the entry */
			};
		};
		struct {
			struct entry *newer, *older; /* with a value, in exact order */
		};
		uint32_t number; /* with a value, in the adaptive policy */
	};
	union {
		int64_t deadline_ns;
		int64_t forks; /* while loading: the process; see call_flight.c */
	};
	size_t bytes;
	uint32_t count;      /* arguments, positional and keyword */
	bool linked : 1;     /* in the table */
	bool is_loading : 1; /* the call that does owns it, and frees it or gives it a value */
	bool has_notes : 1;  /* struct notes is before it in memory */
	bool has_self;       /* the first argument is an instance, compared by identity */
	bool weak;           /* it is held by a weak reference */
	PyObject *arguments[];
};

/* What is known of an entry's value in a cache with options of freshness. Its deadline_ns is then
 * the time of the next event: until then a hit has nothing to look at here. */
struct notes {
	int64_t stored_ns, fresh_until_ns;
	int64_t retry_at_ns; /* after failures: no load begins before */
	int64_t expires_ns;  /* when it is of no use any more */
	uint64_t generation;
	uint32_t failures; /* in a row */
	uint8_t kind;      /* enum notes_kind */
	bool is_queued;    /* to be refreshed */
};

enum notes_kind {
	NOTES_VALUE,
	NOTES_ABSENT_VALUE, /* one that means that there is none */
	NOTES_ABSENCE,      /* the value is an exception that means the same, */
	NOTES_FAILURE       /* or that of a failed call */
};

static inline struct notes *notes_of(struct entry *entry)
{
	return (struct notes *)entry - 1;
}

/* When an entry with a value expires. */
static inline int64_t entry_expires_ns(struct entry *entry)
{
	return entry->has_notes ? notes_of(entry)->expires_ns : entry->deadline_ns;
}

struct table {
	struct entry **buckets; /* NULL before the first entry */
	size_t mask;
	size_t slots_used; /* entries in the buckets, with those being loaded */
	size_t swept;      /* the next bucket to look for expired entries */
	size_t count;      /* entries with a value */
	size_t bytes;      /* of those */
	uint64_t version;  /* counts changes of the buckets, to detect those by a comparison */
	struct sc_eviction *order; /* of the adaptive policy; NULL before the first entry */
	struct entry **by_number;  /* its entries */
	size_t numbers;
	struct entry *newest, *oldest; /* entries with a value, by their use, for exact order */
	Py_ssize_t maxsize;            /* -1: no bound */
	size_t max_bytes;              /* 0: no bound */
	bool typed, exact;
	bool has_notes;       /* its entries do */
	bool names_arguments; /* the TypeError of an unhashable argument names it */
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

/* The entry whose arguments are the same objects, found without running Python code; or NULL. */
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

/* Add an entry without a value for `key`, which the table does not have. `callback` is called with
 * the weak reference when the instance ends. Returns NULL, without an exception, when memory is
 * out or the table has changed meanwhile. */
struct entry *table_add(struct table *table, const struct key *key, PyObject *callback);

/* The type of the weak references in entries, which have the hash of their entry. */
extern PyTypeObject instance_reference_type;

/* The entry that has this weak reference to its instance, or NULL. */
struct entry *table_find_instance(const struct table *table, PyObject *reference);

/* Remove an entry from its bucket. One with a value is also in an order; see entry_order.h. */
void table_unlink(struct table *table, struct entry *entry);

/* Remove all entries; returns those that are not being loaded as a list over `chain`. */
struct entry *table_unlink_all(struct table *table);

/* Free removed entries, which may run any code. One that is being loaded is freed when its load
 * ends. */
void entry_free(struct entry *entry);
void entries_free(struct entry *list);

int entry_traverse(struct entry *entry, visitproc visit, void *arg);
int table_traverse(struct table *table, visitproc visit, void *arg);

#endif
