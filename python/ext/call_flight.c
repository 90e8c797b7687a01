/* call_flight.c - single-flight for threads.
 *
 * All fields are changed with the interpreter's lock held. Who waits for whom is a list of the waiting threads,
 * each on its own stack; a circle in it is found before a thread begins to wait. */
#include "call_flight.h"

#include <pthread.h>

#include "table.h"

struct waiting {
	struct waiting *next;
	pthread_t thread;
	const struct flight *flight;
};

static struct waiting *all_waiting;
static unsigned fork_count;

static void in_child(void)
{
	fork_count++;
	all_waiting = NULL;
}

int flight_init(void)
{
	static bool done;
	if (!done && pthread_atfork(NULL, NULL, in_child)) {
		PyErr_NoMemory();
		return -1;
	}
	done = true;
	return 0;
}

struct flight *flight_begin(struct entry *entry)
{
	struct flight *flight = PyMem_Malloc(sizeof(*flight));
	if (!flight) {
		return NULL;
	}
	*flight = (struct flight){ .entry = entry,
		.owner = pthread_self(),
		.forks = fork_count,
		.references = 1 };
	return flight;
}

void flight_release(struct flight *flight)
{
	if (--flight->references > 0) {
		return;
	}
	PyObject *value = flight->value, *error = flight->error;
	if (flight->lock) {
		PyThread_free_lock(flight->lock);
	}
	PyMem_Free(flight);
	Py_XDECREF(value);
	Py_XDECREF(error);
}

void flight_end(struct flight *flight, PyObject *value)
{
	flight->ended = true;
	flight->value = Py_XNewRef(value);
	if (!value) {
		PyObject *type, *error, *trace;
		PyErr_Fetch(&type, &error, &trace);
		PyErr_NormalizeException(&type, &error, &trace);
		if (trace) {
			PyException_SetTraceback(error, trace);
		}
		flight->error = Py_NewRef(error);
		PyErr_Restore(type, error, trace);
	}
	if (flight->lock) {
		PyThread_release_lock(flight->lock);
	}
}

bool flight_is_own(const struct flight *flight)
{
	pthread_t self = pthread_self();
	while (!flight->ended) {
		if (flight->owner == self || flight->forks != fork_count) {
			return true;
		}
		const struct waiting *waiting = all_waiting;
		while (waiting && waiting->thread != flight->owner) {
			waiting = waiting->next;
		}
		if (!waiting) {
			return false;
		}
		flight = waiting->flight;
	}
	return false;
}

/* Returns 0, or -1 with an exception. */
static int make_lock(struct flight *flight)
{
	if (flight->lock) {
		return 0;
	}
	flight->lock = PyThread_allocate_lock();
	if (!flight->lock) {
		PyErr_NoMemory();
		return -1;
	}
	PyThread_acquire_lock(flight->lock, WAIT_LOCK);
	return 0;
}

static int wait_until_ended(struct flight *flight)
{
	if (make_lock(flight) < 0) {
		return -1;
	}
	while (!flight->ended) {
		PyLockStatus status;
		PyThreadState *thread = PyEval_SaveThread();
		status = PyThread_acquire_lock_timed(flight->lock, -1, 1);
		if (status == PY_LOCK_ACQUIRED) {
			PyThread_release_lock(flight->lock);
		}
		PyEval_RestoreThread(thread);
		if (status == PY_LOCK_INTR && Py_MakePendingCalls() < 0) {
			return -1;
		}
	}
	return 0;
}

PyObject *flight_wait(struct flight *flight)
{
	struct waiting waiting = { all_waiting, pthread_self(), flight };
	flight->references++;
	all_waiting = &waiting;
	int result = wait_until_ended(flight);
	struct waiting **link = &all_waiting;
	while (*link != &waiting) {
		link = &(*link)->next;
	}
	*link = waiting.next;

	PyObject *value = NULL;
	if (result == 0) {
		value = Py_XNewRef(flight->value);
		if (!value) {
			PyErr_SetObject((PyObject *)Py_TYPE(flight->error), flight->error);
		}
	}
	flight_release(flight);
	return value;
}
