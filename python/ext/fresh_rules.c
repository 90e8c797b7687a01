/* fresh_rules.c - the rules of freshness: the notes of an entry, and what is noted of a load.
 *
 * After a failed call the next one waits: for retry_after, for twice as long after each further
 * failure, up to 32 times as long, or for what the exception asks for if that is more. */
#include "fresh_rules.h"

#define DOUBLINGS_MAX 5u

/* ---- The options ---- */

int freshness_init(struct memo *memo, PyObject *options)
{
	long long times[5];
	PyObject *absent, *queue, *failed, *again;
	if (options == Py_None) {
		return 0;
	}
	if (!PyArg_ParseTuple(options, "LLLLLOO!OO", &times[0], &times[1], &times[2], &times[3],
		    &times[4], &absent, &PyList_Type, &queue, &failed, &again)) {
		return -1;
	}
	struct freshness *fresh = PyMem_Calloc(1, sizeof(*fresh));
	if (!fresh) {
		PyErr_NoMemory();
		return -1;
	}
	fresh->refresh_after_ns = times[0];
	fresh->stale_while_revalidate_ns = times[1];
	fresh->stale_if_error_ns = times[2];
	fresh->retry_after_ns = times[3];
	fresh->negative_ttl_ns = times[4];
	fresh->absent = PyTuple_Check(absent) ? Py_NewRef(absent) : NULL;
	fresh->queue = Py_NewRef(queue);
	fresh->failed = Py_NewRef(failed);
	fresh->again = Py_NewRef(again);
	memo->fresh = fresh;
	memo->table.has_notes = true;
	return 0;
}

int freshness_traverse(struct memo *memo, visitproc visit, void *arg)
{
	struct freshness *fresh = memo->fresh;
	if (fresh) {
		Py_VISIT(fresh->absent);
		Py_VISIT(fresh->queue);
		Py_VISIT(fresh->failed);
		Py_VISIT(fresh->again);
	}
	return 0;
}

/* The struct stays: a cache that the collector has cleared may still be called. */
void freshness_clear(struct memo *memo)
{
	struct freshness *fresh = memo->fresh;
	if (fresh) {
		Py_CLEAR(fresh->absent);
		Py_CLEAR(fresh->queue);
		Py_CLEAR(fresh->failed);
		Py_CLEAR(fresh->again);
	}
}

void freshness_reset(struct freshness *fresh)
{
	fresh->stale = fresh->refreshes = fresh->load_absences = fresh->load_failures = 0;
	fresh->known_absences = fresh->known_failures = 0;
}

/* Whether a result or an exception means that there is no value. -1: an exception. */
static int is_absent(const struct freshness *fresh, PyObject *result, bool is_error)
{
	PyObject *absent = fresh->absent;
	int found = 0;
	Py_XINCREF(absent);
	for (Py_ssize_t i = 0; absent && !found && i < PyTuple_GET_SIZE(absent); i++) {
		PyObject *mark = PyTuple_GET_ITEM(absent, i);
		if (is_error) {
			found = PyExceptionClass_Check(mark) &&
				PyErr_GivenExceptionMatches(result, mark);
		} else if (Py_TYPE(mark) == Py_TYPE(result)) {
			found = PyObject_RichCompareBool(result, mark, Py_EQ);
		}
	}
	Py_XDECREF(absent);
	return found;
}

/* ---- What is noted of a load ---- */

void past_take(struct memo *memo, const struct entry *entry, struct past *past)
{
	const struct notes *notes = notes_of((struct entry *)entry);
	bool is_expired = clock_now_ns() >= notes->expires_ns;
	static const struct notes nothing = { .kind = NOTES_VALUE };
	past->notes = is_expired ? nothing : *notes;
	bool is_useful =
		!is_expired && notes->kind == NOTES_VALUE && memo->fresh->stale_if_error_ns;
	past->value = is_useful ? Py_NewRef(entry->value) : NULL;
}

static struct life life_with(struct notes notes, int64_t now_ns, int64_t deadline_ns)
{
	return (struct life){ .now_ns = now_ns, .deadline_ns = deadline_ns, .notes = notes };
}

int freshness_of_value(struct memo *memo, PyObject *value, struct life *life)
{
	struct freshness *fresh = memo->fresh;
	int64_t now_ns = life->now_ns == INT64_MIN ? clock_now_ns() : life->now_ns;
	int absent = is_absent(fresh, value, false);
	if (absent < 0) {
		return -1;
	}
	struct notes notes = { .stored_ns = now_ns,
		.fresh_until_ns = life->deadline_ns,
		.retry_at_ns = INT64_MIN,
		.generation = ++fresh->generations,
		.kind = NOTES_VALUE };
	if (absent) {
		fresh->load_absences++;
		notes.kind = NOTES_ABSENT_VALUE;
		notes.fresh_until_ns = notes.expires_ns = later_ns(now_ns, fresh->negative_ttl_ns);
		*life = life_with(notes, now_ns, INT64_MIN);
		return 0;
	}
	notes.expires_ns = later_ns(notes.fresh_until_ns,
		fresh->stale_if_error_ns > fresh->stale_while_revalidate_ns
			? fresh->stale_if_error_ns
			: fresh->stale_while_revalidate_ns);
	*life = life_with(notes, now_ns, quiet_until_ns(fresh, &notes));
	return 0;
}

/* Tell of a failed call. Returns a copy of the error, and in *wait_ns how long it asks to wait.
 * Never an exception. */
static PyObject *tell(struct memo *memo, PyObject *error, const char *what, int64_t *wait_ns)
{
	PyObject *copy = NULL, *told = NULL;
	double seconds = 0;
	if (memo->fresh->failed) {
		told = PyObject_CallFunction(memo->fresh->failed, "OOs", memo, error, what);
	}
	if (!told || !PyArg_ParseTuple(told, "Od", &copy, &seconds)) {
		PyErr_Clear();
		copy = error;
	}
	*wait_ns = seconds > 0 ? (int64_t)((seconds < 9e9 ? seconds : 9e9) * 1e9) : 0;
	Py_INCREF(copy);
	Py_XDECREF(told);
	return copy;
}

/* How long the call after so many failures in a row waits. */
static int64_t backoff_ns(const struct freshness *fresh, unsigned failures, int64_t asked_ns)
{
	unsigned doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
	int64_t wait_ns;
	if (__builtin_mul_overflow(fresh->retry_after_ns, INT64_C(1) << doublings, &wait_ns)) {
		wait_ns = NO_DEADLINE;
	}
	return wait_ns > asked_ns ? wait_ns : asked_ns;
}

static struct life life_of_absence(struct freshness *fresh, int64_t now_ns)
{
	int64_t until_ns = later_ns(now_ns, fresh->negative_ttl_ns);
	struct notes notes = { .stored_ns = now_ns,
		.fresh_until_ns = until_ns,
		.retry_at_ns = INT64_MIN,
		.expires_ns = until_ns,
		.generation = ++fresh->generations,
		.kind = NOTES_ABSENCE };
	fresh->load_absences++;
	return life_with(notes, now_ns, INT64_MIN);
}

int freshness_of_failure(struct memo *memo, PyObject *error, const struct past *past,
	struct life *life, PyObject **kept, PyObject **value)
{
	struct freshness *fresh = memo->fresh;
	int64_t now_ns = clock_now_ns(), asked_ns;
	if (!PyErr_GivenExceptionMatches(error, PyExc_Exception)) {
		return freshness_of_past(memo, past, life, kept);
	}
	if (is_absent(fresh, error, true) > 0) {
		*kept = tell(memo, error, "absent", &asked_ns);
		*life = life_of_absence(fresh, now_ns);
		return 0;
	}
	bool gives_stale =
		past->value && is_stale_until(&past->notes, fresh->stale_if_error_ns, now_ns);
	unsigned failures = past->notes.failures + (past->notes.failures < UINT8_MAX);
	PyObject *copy = tell(memo, error, gives_stale ? "stale" : "failed", &asked_ns);
	int64_t wait_ns = backoff_ns(fresh, failures, asked_ns);
	struct notes notes = { .stored_ns = now_ns,
		.fresh_until_ns = INT64_MIN,
		.generation = ++fresh->generations,
		.kind = NOTES_FAILURE };
	fresh->load_failures++;
	if (gives_stale) {
		fresh->stale++;
		notes = past->notes;
		notes.is_queued = false;
		Py_SETREF(copy, Py_NewRef(past->value));
		*value = Py_NewRef(past->value);
	}
	notes.failures = failures;
	notes.retry_at_ns = later_ns(now_ns, wait_ns);
	if (!gives_stale) {
		/* Kept for longer than it has to, so that the failures in a row are counted. */
		notes.expires_ns = later_ns(notes.retry_at_ns, wait_ns);
	}
	if (!gives_stale && wait_ns == 0) {
		Py_DECREF(copy);
		return 1;
	}
	*kept = copy;
	*life = life_with(notes, now_ns, gives_stale ? quiet_until_ns(fresh, &notes) : INT64_MIN);
	return 0;
}

int freshness_of_past(struct memo *memo, const struct past *past, struct life *life,
	PyObject **kept)
{
	int64_t now_ns = clock_now_ns();
	if (!past->value || now_ns >= past->notes.expires_ns) {
		return 1;
	}
	struct notes notes = past->notes;
	notes.is_queued = false;
	*kept = Py_NewRef(past->value);
	*life = life_with(notes, now_ns, quiet_until_ns(memo->fresh, &notes));
	return 0;
}

/* ---- Refreshes ---- */

bool freshness_begin_refresh(struct memo *memo, struct entry *entry, uint64_t *generation)
{
	struct notes *notes = notes_of(entry);
	notes->is_queued = is_due(memo->fresh, notes, clock_now_ns());
	entry->deadline_ns = notes->kind == NOTES_VALUE ? quiet_until_ns(memo->fresh, notes)
							: entry->deadline_ns;
	*generation = notes->generation;
	memo->fresh->refreshes += notes->is_queued;
	return notes->is_queued;
}

/* The entry of a value that was to be refreshed; NULL, without an exception, if it is there no
 * more. */
static struct entry *find_refreshed(struct memo *memo, const struct key *key, uint64_t generation)
{
	struct entry *entry;
	if (table_find(&memo->table, key, &entry) < 0) {
		PyErr_Clear();
		return NULL;
	}
	bool is_same = entry && entry->value && notes_of(entry)->generation == generation;
	return is_same ? entry : NULL;
}

int freshness_end_refresh(struct memo *memo, const struct key *key, uint64_t generation,
	PyObject *value)
{
	struct life life;
	int keep = memo_life_of(memo, value, &life);
	if (keep < 0) {
		return -1;
	}
	struct entry *entry = find_refreshed(memo, key, generation);
	if (entry && keep == 0) {
		return memo_store_life(memo, key, value, &life, true);
	}
	if (entry) {
		eviction_remove(&memo->table, entry);
		entry_free(entry);
	}
	return 0;
}

int freshness_end_failed_refresh(struct memo *memo, const struct key *key, uint64_t generation,
	PyObject *error)
{
	struct freshness *fresh = memo->fresh;
	bool is_failure = PyErr_GivenExceptionMatches(error, PyExc_Exception);
	bool absent = is_failure && is_absent(fresh, error, true) > 0;
	int64_t asked_ns = 0;
	PyObject *copy =
		is_failure ? tell(memo, error, absent ? "absent" : "refresh", &asked_ns) : NULL;
	int64_t now_ns = clock_now_ns();
	struct entry *entry = find_refreshed(memo, key, generation);
	int result = 0;
	fresh->load_failures += is_failure && !absent;
	if (entry && absent) {
		struct life life = life_of_absence(fresh, now_ns);
		result = memo_store_life(memo, key, copy, &life, true);
	} else if (entry) {
		struct notes *notes = notes_of(entry);
		notes->is_queued = false;
		if (is_failure) {
			notes->failures += notes->failures < UINT8_MAX;
			notes->retry_at_ns =
				later_ns(now_ns, backoff_ns(fresh, notes->failures, asked_ns));
		}
		entry->deadline_ns = quiet_until_ns(fresh, notes);
	}
	Py_XDECREF(copy);
	return result;
}
