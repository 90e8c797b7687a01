/* table.c - hashing and comparing arguments, and the buckets of a cache.
 *
 * Arguments are equal as the keys of a dict are: the same object, or equal hashes and ==. Objects
 * of exactly str, int, float or bytes are compared without running Python code. Any other
 * comparison may change the table, so the search starts again when the table's version has changed
 * after one. */
#include "table.h"

#define FIRST_BUCKETS 8
#define SEARCHES_MAX  1000 /* for one key; in each a comparison changed the table */

/* Add the argument's name or number to the interpreter's own TypeError. A TypeError with a
 * traceback was raised by Python code, and stays as it is. `self` has no number. */
static void name_argument(const struct table *table, const struct key *key, uint32_t at)
{
	PyObject *type, *value, *trace;
	if (!table->names_arguments) {
		return;
	}
	PyErr_Fetch(&type, &value, &trace);
	if (type != PyExc_TypeError || trace) {
		PyErr_Restore(type, value, trace);
		return;
	}
	uint32_t positional =
		key->count - (key->names ? (uint32_t)PyTuple_GET_SIZE(key->names) : 0);
	if (value && at >= positional) {
		PyErr_Format(PyExc_TypeError, "%S (argument %R)", value,
			PyTuple_GET_ITEM(key->names, at - positional));
	} else if (value) {
		PyErr_Format(PyExc_TypeError, "%S (argument %u)", value, at + 1 - key->has_self);
	}
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
}

int table_hash_any(const struct table *table, struct key *key)
{
	uint64_t state = key->count;
	uint32_t at = 0;
	if (key->has_self) {
		state = key_mix(state, (uintptr_t)key->arguments[0] >> 4);
		at = 1;
	}
	for (; at < key->count; at++) {
		PyObject *argument = key->arguments[at];
		Py_hash_t hash = PyObject_Hash(argument);
		if (hash == -1) {
			name_argument(table, key, at);
			return -1;
		}
		state = key_mix(state, (uint64_t)hash);
		if (table->typed) {
			state = key_mix(state, (uintptr_t)Py_TYPE(argument) >> 4);
		}
	}
	for (Py_ssize_t i = 0; key->names && i < PyTuple_GET_SIZE(key->names); i++) {
		Py_hash_t hash = PyObject_Hash(PyTuple_GET_ITEM(key->names, i));
		if (hash == -1) {
			return -1;
		}
		state = key_mix(state, (uint64_t)hash);
	}
	key->hash = (Py_hash_t)state;
	return 0;
}

static bool same_text(PyObject *a, PyObject *b)
{
	return PyUnicode_GET_LENGTH(a) == PyUnicode_GET_LENGTH(b) &&
		PyUnicode_KIND(a) == PyUnicode_KIND(b) &&
		memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b),
			(size_t)PyUnicode_GET_LENGTH(a) * PyUnicode_KIND(a)) == 0;
}

/* The names of keywords are exactly of type str, except those that ** takes from a mapping with
 * keys of a subclass; these are different unless they are the same object. */
static bool same_names(PyObject *a, PyObject *b)
{
	if (a == b) {
		return true;
	}
	if (!a || !b || PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b)) {
		return false;
	}
	for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); i++) {
		PyObject *x = PyTuple_GET_ITEM(a, i), *y = PyTuple_GET_ITEM(b, i);
		if (x != y && !same_text(x, y)) {
			return false;
		}
	}
	return true;
}

/* 1: equal, 0: not, -1: an exception. */
static int same_arguments(const struct table *table, struct entry *entry, const struct key *key)
{
	uint32_t at = 0;
	if (key->has_self) {
		PyObject *mine = entry->arguments[0];
		if ((key->weak ? PyWeakref_GET_OBJECT(mine) : mine) != key->arguments[0]) {
			return 0;
		}
		at = 1;
	}
	uint64_t version = table->version;
	for (; at < key->count; at++) {
		PyObject *mine = entry->arguments[at], *given = key->arguments[at];
		if (mine == given && !table->typed) {
			continue;
		}
		if (table->typed && Py_TYPE(mine) != Py_TYPE(given)) {
			return 0;
		}
		if (mine == given) {
			continue;
		}
		if (PyUnicode_CheckExact(mine) && PyUnicode_CheckExact(given)) {
			if (!same_text(mine, given)) {
				return 0;
			}
			continue;
		}
		Py_INCREF(mine);
		int equal = PyObject_RichCompareBool(mine, given, Py_EQ);
		Py_DECREF(mine);
		if (equal <= 0 || table->version != version) {
			return equal;
		}
	}
	return 1;
}

int table_find(struct table *table, const struct key *key, struct entry **found)
{
	*found = NULL;
	unsigned searches = 0;
again:
	if (!table->buckets) {
		return 0;
	}
	if (++searches > SEARCHES_MAX) {
		PyErr_SetString(PyExc_RuntimeError,
			"the comparison of arguments changes this cache each time");
		return -1;
	}
	uint64_t version = table->version;
	struct entry *entry = table->buckets[(size_t)key->hash & table->mask];
	for (; entry; entry = entry->chain) {
		if (entry->hash != key->hash || entry->count != key->count ||
			entry->has_self != key->has_self || entry->weak != key->weak ||
			!same_names(entry->names, key->names)) {
			continue;
		}
		int equal = same_arguments(table, entry, key);
		if (equal < 0) {
			return -1;
		}
		if (table->version != version) {
			goto again;
		}
		if (equal) {
			*found = entry;
			return 0;
		}
	}
	return 0;
}

/* Returns false when memory is out and there are no buckets at all. Without memory for more, the
 * table is only slower. */
static bool grow_buckets(struct table *table)
{
	size_t buckets = table->buckets ? table->mask + 1 : 0;
	if (table->slots_used < buckets) {
		return true;
	}
	size_t wanted = buckets ? buckets * 2 : FIRST_BUCKETS;
	struct entry **grown = PyMem_Calloc(wanted, sizeof(*grown));
	if (!grown) {
		return buckets > 0;
	}
	for (size_t i = 0; i < buckets; i++) {
		for (struct entry *entry = table->buckets[i], *next; entry; entry = next) {
			next = entry->chain;
			struct entry **head = &grown[(size_t)entry->hash & (wanted - 1)];
			entry->chain = *head;
			*head = entry;
		}
	}
	PyMem_Free(table->buckets);
	table->buckets = grown;
	table->mask = wanted - 1;
	table->version++;
	return true;
}

/* A weak reference that knows the hash of its entry. */
struct instance_reference {
	PyWeakReference reference;
	Py_hash_t hash;
};

PyTypeObject instance_reference_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "scopecache._core.InstanceReference",
	.tp_basicsize = sizeof(struct instance_reference),
	.tp_flags = Py_TPFLAGS_DEFAULT,
};

static PyObject *refer_to_instance(PyObject *instance, PyObject *callback, Py_hash_t hash)
{
	PyObject *reference = PyObject_CallFunctionObjArgs((PyObject *)&instance_reference_type,
		instance, callback, NULL);
	if (reference) {
		((struct instance_reference *)reference)->hash = hash;
	}
	return reference;
}

struct entry *table_find_instance(const struct table *table, PyObject *reference)
{
	Py_hash_t hash = ((struct instance_reference *)reference)->hash;
	struct entry *entry = table->buckets ? table->buckets[(size_t)hash & table->mask] : NULL;
	while (entry && !(entry->weak && entry->arguments[0] == reference)) {
		entry = entry->chain;
	}
	return entry;
}

/* Make an entry that is in no table yet. The weak reference's allocation may run the collector, and
 * so any code. */
static struct entry *entry_new(const struct table *table, const struct key *key, PyObject *callback)
{
	size_t before = table->has_notes ? sizeof(struct notes) : 0;
	char *memory =
		PyMem_Malloc(before + sizeof(struct entry) + key->count * sizeof(PyObject *));
	if (!memory) {
		return NULL;
	}
	struct entry *entry = (struct entry *)(void *)(memory + before);
	if (before) {
		memset(memory, 0, before);
	}
	*entry = (struct entry){ .names = Py_XNewRef(key->names),
		.hash = key->hash,
		.deadline_ns = NO_DEADLINE,
		.has_notes = table->has_notes,
		.has_self = key->has_self,
		.weak = key->weak };
	for (uint32_t at = 0; at < key->count; at++) {
		PyObject *argument = key->arguments[at];
		if (at == 0 && key->weak) {
			argument = refer_to_instance(argument, callback, key->hash);
			if (!argument) {
				PyErr_Clear();
				entry_free(entry);
				return NULL;
			}
		} else {
			Py_INCREF(argument);
		}
		entry->arguments[at] = argument;
		entry->count = at + 1;
	}
	return entry;
}

struct entry *table_add(struct table *table, const struct key *key, PyObject *callback)
{
	uint64_t version = table->version;
	struct entry *entry = entry_new(table, key, callback);
	if (!entry) {
		return NULL;
	}
	if (table->version != version || !grow_buckets(table)) {
		entry_free(entry);
		return NULL;
	}
	struct entry **head = &table->buckets[(size_t)key->hash & table->mask];
	entry->chain = *head;
	entry->linked = true;
	*head = entry;
	table->slots_used++;
	table->version++;
	return entry;
}

void table_unlink(struct table *table, struct entry *entry)
{
	struct entry **link = &table->buckets[(size_t)entry->hash & table->mask];
	while (*link != entry) {
		link = &(*link)->chain;
	}
	*link = entry->chain;
	entry->chain = NULL;
	entry->linked = false;
	table->slots_used--;
	table->version++;
}

void entry_free(struct entry *entry)
{
	PyObject *value = entry->value, *names = entry->names;
	if (entry->is_loading) {
		return;
	}
	for (uint32_t at = 0; at < entry->count; at++) {
		Py_DECREF(entry->arguments[at]);
	}
	PyMem_Free(entry->has_notes ? (void *)notes_of(entry) : entry);
	Py_XDECREF(names);
	Py_XDECREF(value);
}

struct entry *table_unlink_all(struct table *table)
{
	struct entry *list = NULL;
	for (size_t i = 0; table->buckets && i <= table->mask; i++) {
		for (struct entry *entry = table->buckets[i], *next; entry; entry = next) {
			next = entry->chain;
			entry->linked = false;
			entry->chain = NULL;
			/* Another thread may end a load, and free its entry, while the list is
			 * freed. */
			if (!entry->is_loading) {
				entry->chain = list;
				list = entry;
			}
		}
	}
	PyMem_Free(table->buckets);
	table->buckets = NULL;
	table->slots_used = table->mask = 0;
	table->version++;
	return list;
}

void entries_free(struct entry *list)
{
	while (list) {
		struct entry *next = list->chain;
		entry_free(list);
		list = next;
	}
}

int entry_traverse(struct entry *entry, visitproc visit, void *arg)
{
	Py_VISIT(entry->value);
	Py_VISIT(entry->names);
	for (uint32_t at = 0; at < entry->count; at++) {
		Py_VISIT(entry->arguments[at]);
	}
	return 0;
}

int table_traverse(struct table *table, visitproc visit, void *arg)
{
	for (size_t i = 0; table->buckets && i <= table->mask; i++) {
		for (struct entry *entry = table->buckets[i]; entry; entry = entry->chain) {
			int result = entry_traverse(entry, visit, arg);
			if (result) {
				return result;
			}
		}
	}
	return 0;
}
