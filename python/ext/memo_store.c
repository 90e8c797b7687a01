/* memo_store.c - what a memo stores, for how long, and what comes of a load.
 *
 * To free anything may run code, and let other threads run: it comes last. */
#include "memo.h"

#include "call_flight.h"
#include "fresh_rules.h"
#include "weight.h"

#include <sys/random.h>
#include <unistd.h>

static int refuse_coroutine(PyObject *coroutine)
{
	PyObject *closed = PyObject_CallMethod(coroutine, "close", NULL);
	Py_XDECREF(closed);
	if (closed) {
		PyErr_SetString(PyExc_TypeError,
			"the function returned a coroutine, which can be awaited only once: give "
			"cached the coroutine function itself");
	}
	return -1;
}

/* A number that differs each time, so that what was stored together expires apart. splitmix64. */
static uint64_t draw_state;

void memo_draw_anew(void)
{
	if (getrandom(&draw_state, sizeof(draw_state), GRND_NONBLOCK) !=
		(ssize_t)sizeof(draw_state)) {
		draw_state ^= (uint64_t)clock_read_ns(CLOCK_REALTIME) ^ (uint64_t)getpid() << 32;
	}
}

static uint64_t draw(void)
{
	if (!draw_state) {
		memo_draw_anew();
	}
	uint64_t drawn = (draw_state += UINT64_C(0x9E3779B97F4A7C15));
	drawn = (drawn ^ drawn >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	drawn = (drawn ^ drawn >> 27) * UINT64_C(0x94D049BB133111EB);
	return drawn ^ drawn >> 31;
}

static int64_t jittered_ns(const struct memo *memo, int64_t ttl_ns)
{
	double part = (double)(draw() >> 11) / (double)(UINT64_C(1) << 53);
	int64_t cut_ns = (int64_t)((double)ttl_ns * memo->jitter_percent / 100 * part);
	return cut_ns < ttl_ns ? ttl_ns - cut_ns : 1;
}

int memo_life_of(struct memo *memo, PyObject *value, struct life *life)
{
	int64_t ttl_ns = memo->ttl_ns;
	life->now_ns = INT64_MIN;
	life->deadline_ns = NO_DEADLINE;
	if (memo->refuses_coroutines && PyCoro_CheckExact(value)) {
		return refuse_coroutine(value);
	}
	if (memo->ttl_of) {
		PyObject *seconds = PyObject_CallOneArg(memo->ttl_of, value);
		double ttl = seconds ? PyFloat_AsDouble(seconds) : -1;
		Py_XDECREF(seconds);
		if (PyErr_Occurred()) {
			return -1;
		}
		if (!(ttl > 0)) {
			return 1;
		}
		ttl_ns = ttl < 9e9 ? (int64_t)(ttl * 1e9) : 0;
	}
	if (ttl_ns > 0) {
		int64_t now_ns = clock_now_ns();
		ttl_ns = memo->jitter_percent ? jittered_ns(memo, ttl_ns) : ttl_ns;
		life->now_ns = now_ns;
		life->deadline_ns = ttl_ns < NO_DEADLINE - now_ns ? now_ns + ttl_ns : NO_DEADLINE;
	}
	return memo->fresh ? freshness_of_value(memo, value, life) : 0;
}

/* Give the entry its value. Afterwards it may be evicted and freed. */
static void fill(struct memo *memo, struct entry *entry, PyObject *value, const struct life *life,
	size_t bytes)
{
	entry->value = Py_NewRef(value);
	entry->deadline_ns = life->deadline_ns;
	entry->bytes = bytes;
	if (entry->has_notes) {
		*notes_of(entry) = life->notes;
	}
	/* Remove expired entries before any is evicted. */
	struct entry *expired = NULL;
	if (life->now_ns != INT64_MIN) {
		expired = eviction_sweep(&memo->table, life->now_ns);
	}
	struct entry *evicted = eviction_insert(&memo->table, entry);
	entries_free(expired);
	entries_free(evicted);
}

static size_t bytes_of(struct memo *memo, const struct key *key, PyObject *value)
{
	if (!memo->table.max_bytes) {
		return 0;
	}
	size_t bytes = sizeof(struct entry) + (memo->fresh ? sizeof(struct notes) : 0) +
		(key->count + 2) * sizeof(void *) + weight_of(value);
	for (uint32_t at = key->has_self; at < key->count; at++) {
		bytes += weight_of(key->arguments[at]);
	}
	return bytes;
}

/* Called with the weak reference of an instance that has ended. */
static PyObject *on_instance_end(PyObject *self, PyObject *reference)
{
	struct table *table = &((struct memo *)self)->table;
	struct entry *entry = Py_IS_TYPE(reference, &instance_reference_type)
		? table_find_instance(table, reference)
		: NULL;
	if (entry) {
		eviction_remove(table, entry);
		entry_free(entry);
	}
	Py_RETURN_NONE;
}

static PyMethodDef instance_end_method = { "_instance_end", on_instance_end, METH_O, NULL };

struct entry *memo_add(struct memo *memo, const struct key *key)
{
	if (key->weak && !memo->on_instance_end) {
		PyObject *callback = PyCFunction_New(&instance_end_method, (PyObject *)memo);
		if (!callback) {
			PyErr_Clear();
			return NULL;
		}
		Py_XSETREF(memo->on_instance_end, callback);
	}
	return table_add(&memo->table, key, memo->on_instance_end);
}

int memo_store_life(struct memo *memo, const struct key *key, PyObject *value,
	const struct life *life, bool replace)
{
	struct entry *entry, *old = NULL;
	size_t bytes = bytes_of(memo, key, value);
	if (table_find(&memo->table, key, &entry) < 0) {
		return -1;
	}
	/* Remove the entry of a load that is under way, so that its value does not replace this
	 * one. */
	if (entry && (replace || !entry_is_current(entry))) {
		eviction_remove(&memo->table, entry);
		old = entry->is_loading ? NULL : entry;
		entry = NULL;
	}
	if (!entry) {
		entry = memo_add(memo, key);
		if (entry) {
			fill(memo, entry, value, life, bytes);
		}
	}
	if (old) {
		entry_free(old);
	}
	return 0;
}

/* Without storing a value, but in place of one. */
static int remove_old(struct memo *memo, const struct key *key)
{
	struct entry *entry;
	if (table_find(&memo->table, key, &entry) < 0) {
		return -1;
	}
	if (entry) {
		eviction_remove(&memo->table, entry);
		entry_free(entry);
	}
	return 0;
}

int memo_store(struct memo *memo, const struct key *key, PyObject *value, bool replace)
{
	struct life life;
	int keep = memo->table.maxsize ? memo_life_of(memo, value, &life) : 1;
	if (keep == 0) {
		return memo_store_life(memo, key, value, &life, replace);
	}
	return keep > 0 && replace ? remove_old(memo, key) : keep > 0 ? 0 : -1;
}

/* Give the entry of a load `kept`, or free it if that is NULL. */
static void settle(struct memo *memo, struct entry *entry, PyObject *kept, const struct life *life,
	size_t bytes)
{
	entry->is_loading = false;
	if (entry->linked && kept) {
		fill(memo, entry, kept, life, bytes);
		return;
	}
	if (entry->linked) {
		eviction_remove(&memo->table, entry);
	}
	entry_free(entry);
}

/* The exception that is set, and is no longer. */
static PyObject *take_error(void)
{
	PyObject *type, *error, *trace;
	PyErr_Fetch(&type, &error, &trace);
	PyErr_NormalizeException(&type, &error, &trace);
	if (trace) {
		PyException_SetTraceback(error, trace);
	}
	Py_XDECREF(type);
	Py_XDECREF(trace);
	return error;
}

static void raise_again(PyObject *error)
{
	PyErr_Restore(Py_NewRef(Py_TYPE(error)), error, PyException_GetTraceback(error));
}

PyObject *memo_end_load(struct memo *memo, const struct key *key, struct entry *entry,
	PyObject *value, struct past *past)
{
	struct life life;
	PyObject *error = NULL, *kept = NULL;
	if (value && memo->table.maxsize) {
		int keep = memo_life_of(memo, value, &life);
		kept = keep == 0 ? Py_NewRef(value) : NULL;
		if (keep < 0) {
			Py_CLEAR(value);
		}
	}
	if (!value) {
		error = take_error();
	}
	if (error && memo->fresh) {
		freshness_of_failure(memo, error, past, &life, &kept, &value);
	}
	if (entry) {
		size_t bytes = kept ? bytes_of(memo, key, kept) : 0;
		flight_end(entry, value, error);
		settle(memo, entry, kept, &life, bytes);
	} else if (kept && memo_store_life(memo, key, kept, &life, memo->last_stays) < 0) {
		Py_CLEAR(value);
		Py_XSETREF(error, take_error());
	}
	Py_XDECREF(kept);
	if (!value) {
		raise_again(error);
	} else {
		Py_XDECREF(error);
	}
	return value;
}

void memo_drop_load(struct memo *memo, struct entry *entry, struct past *past)
{
	PyObject *type, *error, *trace, *kept = NULL;
	struct life life = { .now_ns = INT64_MIN };
	PyErr_Fetch(&type, &error, &trace);
	if (memo->fresh) {
		freshness_of_past(memo, past, &life, &kept);
	}
	const struct key key = { .arguments = entry->arguments,
		.count = entry->count,
		.has_self = entry->has_self };
	settle(memo, entry, kept, &life, kept ? bytes_of(memo, &key, kept) : 0);
	Py_XDECREF(kept);
	PyErr_Restore(type, error, trace);
}
