/* table.h - the entries of one cache: found by their arguments.
 *
 * A lookup builds no key object: the arguments lie where the interpreter's call has them, their hashes are
 * mixed, and each is compared with that of the entry. Everything here needs the interpreter's lock. */
#ifndef SCOPECACHE_PYTHON_TABLE_H
#define SCOPECACHE_PYTHON_TABLE_H

#include <Python.h>

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
		struct flight *flight; /* without a value: its load, or NULL */
		struct {
			struct entry *newer, *older; /* with one, and exact order */
		};
		uint32_t number; /* with one, and the adaptive policy */
	};
	int64_t deadline_ns;
	size_t bytes;
	uint32_t count;  /* arguments, positional and keyword */
	bool linked;     /* in the table */
	bool has_self;   /* the first argument is an instance, known by its identity */
	bool weak;       /* and is kept as a weak reference */
	PyObject *arguments[];
};

struct table {
	struct entry **buckets; /* NULL before the first entry */
	size_t mask;
	size_t slots_used; /* entries in the buckets, with those being loaded */
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
};

/* The arguments of a call; all borrowed. */
struct key {
	PyObject *const *arguments;
	PyObject *names;
	Py_hash_t hash;
	uint32_t count;
	bool has_self, weak; /* as in struct entry */
};

/* Fill in the hash. Returns 0, or -1 with an exception that names the argument. */
int table_hash(const struct table *table, struct key *key);

/* Find the entry of `key`. Returns 0 with *found set or NULL, or -1 with an exception. */
int table_find(struct table *table, const struct key *key, struct entry **found);

/* Make an entry for `key`, which the table does not have, with no value. `callback` is called with the weak
 * reference when the instance ends. Returns NULL, without an exception, when memory is out or the table has
 * changed meanwhile. */
struct entry *table_add(struct table *table, const struct key *key, PyObject *callback);

/* The weak reference in entries is of this type, so that it knows the entry's bucket. */
extern PyTypeObject instance_reference_type;

/* Take out the entries of an instance that has ended. Returns them as a list over `chain`. */
struct entry *table_unlink_instance(struct table *table, PyObject *reference);

/* Take an entry out; it must be freed, which may run anybody's code. */
void table_unlink(struct table *table, struct entry *entry);
void entry_free(struct entry *entry);

/* Take all out, as a list over `chain`. */
struct entry *table_unlink_all(struct table *table);
void entries_free(struct entry *list);

int table_traverse(struct table *table, visitproc visit, void *arg);

#endif
