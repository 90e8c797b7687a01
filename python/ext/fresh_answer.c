/* fresh_answer.c - what a call gets from an entry of a memo with freshness: its value, though that
 * may be stale, what an earlier call raised, or nothing; and the requests of refreshes. */
#include "fresh_answer.h"

#include "async_load.h"
#include "fresh_rules.h"

#define QUEUE_MAX 256

/* Ask for a refresh. To make a load may run the collector, and so any code. Never an exception:
 * without memory a later call asks for it. */
static void request(struct memo *memo, struct entry *entry, const struct call *call, PyObject *own)
{
	PyObject *queue = memo->fresh->queue;
	uint64_t version = memo->table.version;
	if (!queue || PyList_GET_SIZE(queue) >= QUEUE_MAX) {
		return;
	}
	Py_INCREF(queue);
	PyObject *load = async_load_new_refresh(memo, call, own);
	if (load && memo->table.version == version && PyList_Append(queue, load) == 0) {
		struct notes *notes = notes_of(entry);
		notes->is_queued = true;
		entry->deadline_ns = quiet_until_ns(memo->fresh, notes);
	}
	PyErr_Clear();
	Py_XDECREF(load);
	Py_DECREF(queue);
}

/* Raise what an earlier call raised; the next one is made at `until_ns`. */
static enum freshness_answer raise_known(struct memo *memo, PyObject *error, int64_t left_ns)
{
	PyObject *seconds = PyFloat_FromDouble((double)left_ns / 1e9);
	Py_INCREF(error);
	PyObject *again = seconds && memo->fresh->again
		? PyObject_CallFunctionObjArgs(memo->fresh->again, error, seconds, NULL)
		: NULL;
	Py_XDECREF(seconds);
	if (again && PyExceptionInstance_Check(again)) {
		PyErr_SetObject((PyObject *)Py_TYPE(again), again);
	} else if (!PyErr_Occurred()) {
		PyErr_SetObject((PyObject *)Py_TYPE(error), error);
	}
	Py_XDECREF(again);
	Py_DECREF(error);
	return FRESHNESS_ERROR;
}

static bool may_be_stale(const struct freshness *fresh, const struct notes *notes, int64_t now_ns)
{
	return is_stale_until(notes, fresh->stale_while_revalidate_ns, now_ns) ||
		(now_ns < notes->retry_at_ns &&
			is_stale_until(notes, fresh->stale_if_error_ns, now_ns));
}

enum freshness_answer freshness_look(struct memo *memo, struct entry *entry,
	const struct call *call, PyObject *own, PyObject **value)
{
	struct freshness *fresh = memo->fresh;
	struct notes *notes = notes_of(entry);
	int64_t now_ns = clock_now_ns();
	bool is_fresh = now_ns < notes->fresh_until_ns;
	bool is_known = notes->kind == NOTES_FAILURE ? now_ns < notes->retry_at_ns
		: notes->kind == NOTES_VALUE ? is_fresh || may_be_stale(fresh, notes, now_ns)
					     : is_fresh;
	if (!is_known) {
		return FRESHNESS_LOAD;
	}
	memo->hits++;
	eviction_hit(&memo->table, entry);
	switch (notes->kind) {
	case NOTES_ABSENCE:
		fresh->known_absences++;
		return raise_known(memo, entry->value, notes->fresh_until_ns - now_ns);
	case NOTES_FAILURE:
		fresh->known_failures++;
		return raise_known(memo, entry->value, notes->retry_at_ns - now_ns);
	case NOTES_ABSENT_VALUE:
		fresh->known_absences++;
		break;
	default:
		fresh->stale += !is_fresh;
	}
	*value = Py_NewRef(entry->value);
	if (is_due(fresh, notes, now_ns) && !notes->is_queued) {
		request(memo, entry, call, own);
	}
	return FRESHNESS_VALUE;
}
