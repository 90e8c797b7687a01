/* memo_call.c - a miss: the function is called once for all threads that need the key, and its
 * result is stored.
 *
 * In a cache that coalesces, an entry without a value is put in the table before the function is
 * called. Other threads find the entry and wait for its flight. An invalidation removes the entry,
 * so that an outdated value is never stored. */
#include "memo.h"

#include "call_flight.h"
#include "fresh_answer.h"
#include "fresh_rules.h"

/* A cache that the collector has cleared may still be called, by another object of its cycle. */
PyObject *memo_run(const struct call *call)
{
	if (!call->function) {
		PyErr_SetString(PyExc_ReferenceError, "this cache is being collected");
		return NULL;
	}
	return PyObject_Vectorcall(call->function, call->arguments, call->count, call->names);
}

/* Call the function and store its result, without a flight: no other thread waits for it. */
static PyObject *load_alone(struct memo *memo, const struct key *key, const struct call *call,
	struct past *past)
{
	return memo_end_load(memo, key, NULL, memo_run(call), past);
}

/* The same in a flight: other threads that need the key wait for this call. */
static PyObject *load_in_flight(struct memo *memo, const struct key *key, const struct call *call,
	struct past *past)
{
	struct entry *entry = memo_add(memo, key);
	if (!entry) {
		return load_alone(memo, key, call, past);
	}
	flight_begin(entry);
	return memo_end_load(memo, key, entry, memo_run(call), past);
}

enum usable memo_use(struct memo *memo, const struct key *key, const struct call *call,
	struct entry **found, struct past *past, PyObject **value)
{
	struct entry *entry = *found;
	while (entry && entry->value) {
		PyObject *own = memo->key_of ? key->arguments[0] : NULL, *before = past->value;
		if (memo->fresh) {
			enum freshness_answer answer =
				freshness_look(memo, entry, call, own, value);
			if (answer != FRESHNESS_LOAD) {
				return answer == FRESHNESS_VALUE ? USABLE_VALUE : USABLE_ERROR;
			}
			past_take(memo, entry, past);
			if (!memo->coalesce) {
				/* It stays for other calls until this one ends. */
				Py_XDECREF(before);
				*found = NULL;
				return USABLE_NONE;
			}
		} else if (entry_is_fresh(entry)) {
			memo->hits++;
			eviction_hit(&memo->table, entry);
			*value = Py_NewRef(entry->value);
			return USABLE_VALUE;
		}
		eviction_remove(&memo->table, entry);
		/* From here on any code may run. */
		entry_free(entry);
		Py_XDECREF(before);
		if (table_find(&memo->table, key, &entry) < 0) {
			return USABLE_ERROR;
		}
	}
	*found = entry;
	return entry ? USABLE_LOADING : USABLE_NONE;
}

static PyObject *load_or_wait(struct memo *memo, const struct key *key, const struct call *call,
	struct entry *entry, struct past *past)
{
	PyObject *value = NULL;
	bool waits = entry && !flight_is_own(entry);
	*(waits ? &memo->hits : &memo->misses) += 1;
	if (!waits) {
		return memo->coalesce && !entry ? load_in_flight(memo, key, call, past)
						: load_alone(memo, key, call, past);
	}
	return flight_wait(entry, &value) == 1 ? load_alone(memo, key, call, past) : value;
}

PyObject *memo_miss(struct memo *memo, const struct key *key, const struct call *call,
	struct entry *entry)
{
	struct past past;
	PyObject *value = NULL;
	past.value = NULL;
	past.notes.failures = 0;
	enum usable usable = entry ? memo_use(memo, key, call, &entry, &past, &value) : USABLE_NONE;
	if (usable == USABLE_NONE || usable == USABLE_LOADING) {
		value = load_or_wait(memo, key, call, entry, &past);
	}
	past_clear(&past);
	if (value && memo->copy) {
		PyObject *copy = PyObject_CallOneArg(memo->copy, value);
		Py_DECREF(value);
		value = copy;
	}
	return value;
}
