/* call_flight.c - single-flight for threads.
 *
 * All fields are guarded by the interpreter's lock. all_waiting lists the waiting threads and the
 * flights that they wait for; each record is on its thread's stack. A cycle of waits is detected
 * before a thread begins to wait, and after each signal handler that ran during the wait, because
 * a handler may wait too.
 *
 * fork_count identifies the process: a forked child does not have the threads of its parent, so a
 * flight of another process never ends. Nor do other threads run while the interpreter ends. */
#include "call_flight.h"

#include "expiry_clock.h"
#include "call_deadline.h"

/* Shared by the entry and its waiters. */
struct flight {
	PyObject *value; /* when it has ended, one of these two is set */
	PyObject *error;
	PyThread_type_lock lock; /* made by the first waiter, and held until the load ends */
	pthread_t owner;         /* the thread that loads, */
	int64_t forks;           /* and its process */
	unsigned references;
	bool ended;
};

struct waiting {
	struct waiting *next;
	pthread_t thread;
	const struct flight *flight;
};

static struct waiting *all_waiting;
static int64_t fork_count;

/* The child has only the thread that forked. That may be a waiter, when a signal handler forks: its
 * records stay. The others are removed; the stacks they are on are still mapped now. */
static void in_child(void)
{
	struct waiting **link = &all_waiting;
	pthread_t self = pthread_self();
	fork_count++;
	for (struct waiting *waiting = all_waiting; waiting; waiting = waiting->next) {
		if (waiting->thread == self) {
			*link = waiting;
			link = &waiting->next;
		}
	}
	*link = NULL;
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

int64_t flight_forks(void)
{
	return fork_count;
}

void flight_begin(struct entry *entry)
{
	entry->is_loading = true;
	entry->flight = NULL;
	entry->owner = pthread_self();
	entry->forks = fork_count;
}

static void release(struct flight *flight)
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

void flight_end(struct entry *entry, PyObject *value, PyObject *error)
{
	struct flight *flight = entry->flight;
	entry->is_loading = false;
	entry->flight = NULL;
	if (!flight) {
		return;
	}
	flight->ended = true;
	flight->value = Py_XNewRef(value);
	flight->error = value ? NULL : Py_XNewRef(error);
	if (flight->lock) {
		PyThread_release_lock(flight->lock);
	}
	release(flight);
}

static bool is_ending(void)
{
#if PY_VERSION_HEX >= 0x030D0000
	return Py_IsFinalizing();
#else
	return _Py_IsFinalizing();
#endif
}

static bool never_ends(pthread_t owner, int64_t forks)
{
	pthread_t self = pthread_self();
	if (forks != fork_count || is_ending()) {
		return true;
	}
	while (owner != self) {
		const struct waiting *waiting = all_waiting;
		while (waiting && waiting->thread != owner) {
			waiting = waiting->next;
		}
		if (!waiting || waiting->flight->ended) {
			return false;
		}
		owner = waiting->flight->owner;
	}
	return true;
}

bool flight_is_own(const struct entry *entry)
{
	return never_ends(entry->owner, entry->forks);
}

/* The entry's flight, with a reference for the caller; or NULL with an exception. */
static struct flight *flight_of(struct entry *entry)
{
	if (!entry->flight) {
		struct flight *flight = PyMem_Malloc(sizeof(*flight));
		if (!flight) {
			PyErr_NoMemory();
			return NULL;
		}
		*flight = (struct flight){ .owner = entry->owner,
			.forks = entry->forks,
			.references = 1 };
		entry->flight = flight;
	}
	entry->flight->references++;
	return entry->flight;
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

/* The time until a deadline: 0 if it has passed, -1 if there is none. */
static PY_TIMEOUT_T left_us(int64_t deadline_ns)
{
	const int64_t longest_us = INT64_C(3600) * 1000 * 1000;
	if (deadline_ns == INT64_MAX) {
		return -1;
	}
	int64_t now_ns = clock_read_ns(CLOCK_MONOTONIC);
	if (now_ns >= deadline_ns) {
		return 0;
	}
	int64_t us = (deadline_ns - now_ns) / 1000 + 1;
	return us < longest_us ? us : longest_us;
}

/* Returns 0 when it has ended, 1 when it will not, or -1 with an exception. */
static int wait_until_ended(struct flight *flight)
{
	int64_t deadline_ns;
	if (call_deadline_ns(&deadline_ns) < 0 || make_lock(flight) < 0) {
		return -1;
	}
	while (!flight->ended) {
		PyLockStatus status;
		PY_TIMEOUT_T wait_us = left_us(deadline_ns);
		if (wait_us == 0) {
			PyErr_SetString(PyExc_TimeoutError,
				"the deadline passed during the wait for another thread's call");
			return -1;
		}
		PyThreadState *thread = PyEval_SaveThread();
		status = PyThread_acquire_lock_timed(flight->lock, wait_us, 1);
		if (status == PY_LOCK_ACQUIRED) {
			PyThread_release_lock(flight->lock);
		}
		PyEval_RestoreThread(thread);
		if (status == PY_LOCK_INTR && Py_MakePendingCalls() < 0) {
			return -1;
		}
		if (status == PY_LOCK_INTR && !flight->ended &&
			never_ends(flight->owner, flight->forks)) {
			return 1;
		}
	}
	return 0;
}

int flight_wait(struct entry *entry, PyObject **value)
{
	struct flight *flight = flight_of(entry);
	*value = NULL;
	if (!flight) {
		return -1;
	}
	struct waiting waiting = { all_waiting, pthread_self(), flight };
	all_waiting = &waiting;
	int result = wait_until_ended(flight);
	struct waiting **link = &all_waiting;
	while (*link != &waiting) {
		link = &(*link)->next;
	}
	*link = waiting.next;

	if (result == 0) {
		*value = Py_XNewRef(flight->value);
		if (!*value) {
			PyErr_SetObject((PyObject *)Py_TYPE(flight->error), flight->error);
			result = -1;
		}
	}
	release(flight);
	return result;
}
