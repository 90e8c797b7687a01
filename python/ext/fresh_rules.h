/* fresh_rules.h - values that are returned although they are stale or will soon be, and what is
 * remembered of calls that gave none. The options and their meanings are those of the C library
 * (<scopecache/cache.h>); the words are those of RFC 9111 and RFC 5861. */
#ifndef SCOPECACHE_PYTHON_FRESH_RULES_H
#define SCOPECACHE_PYTHON_FRESH_RULES_H

#include "memo.h"

/* The options of a memo that has any of them, 0: not given; and what happened because of them. */
struct freshness {
	int64_t refresh_after_ns, stale_while_revalidate_ns, stale_if_error_ns, retry_after_ns,
		negative_ttl_ns;
	PyObject *
		absent; /* a tuple: values, and types of exceptions, that mean that there is none */
	PyObject *queue;  /* a list of loads: the refreshes of all memos that are due */
	PyObject *failed; /* failed(memo, error, what comes of it): logs; returns (copy, seconds) */
	PyObject *again;  /* again(error, seconds): what to raise for a known one */
	uint64_t generations;
	unsigned long long stale, refreshes, load_absences, load_failures, known_absences,
		known_failures;
};

/* Set the options from the argument `freshness` of a Memo: a tuple, see memo_new(). Returns 0, or
 * -1 with an exception. */
int freshness_init(struct memo *memo, PyObject *options);
int freshness_traverse(struct memo *memo, visitproc visit, void *arg);
void freshness_clear(struct memo *memo);

/* Begin to count anew. */
void freshness_reset(struct freshness *fresh);

static inline int64_t later_ns(int64_t time_ns, int64_t by_ns)
{
	int64_t sum_ns;
	return __builtin_add_overflow(time_ns, by_ns, &sum_ns) ? NO_DEADLINE : sum_ns;
}

static inline bool is_stale_until(const struct notes *notes, int64_t stale_ns, int64_t now_ns)
{
	return now_ns < later_ns(notes->fresh_until_ns, stale_ns);
}

static inline bool is_due(const struct freshness *fresh, const struct notes *notes, int64_t now_ns)
{
	return notes->kind == NOTES_VALUE && now_ns >= notes->retry_at_ns &&
		(now_ns >= notes->fresh_until_ns ||
			(fresh->refresh_after_ns &&
				now_ns >= later_ns(notes->stored_ns, fresh->refresh_after_ns)));
}

/* Until when a hit needs no look at the notes. */
static inline int64_t quiet_until_ns(const struct freshness *fresh, const struct notes *notes)
{
	int64_t until_ns = notes->fresh_until_ns;
	if (fresh->refresh_after_ns && !notes->is_queued) {
		int64_t due_ns = later_ns(notes->stored_ns, fresh->refresh_after_ns);
		due_ns = due_ns > notes->retry_at_ns ? due_ns : notes->retry_at_ns;
		until_ns = until_ns < due_ns ? until_ns : due_ns;
	}
	return until_ns;
}

/* Take of an entry what a failed call needs. The value that *past had is not released. */
void past_take(struct memo *memo, const struct entry *entry, struct past *past);

static inline void past_clear(struct past *past)
{
	Py_CLEAR(past->value);
}

/* The notes of a value that is stored now and fresh until then. Returns 0, or -1 with an exception.
 */
int freshness_of_value(struct memo *memo, PyObject *value, struct life *life);

/* A call failed with `error`. Returns 1 when nothing is to be stored, or 0 with what is: *kept, a
 * new reference, and *life; also with *value, a new reference, when its callers get a stale value.
 * Never an exception. */
int freshness_of_failure(struct memo *memo, PyObject *error, const struct past *past,
	struct life *life, PyObject **kept, PyObject **value);

/* Put back what was there, of a load that gives neither. Returns as freshness_of_failure(). */
int freshness_of_past(struct memo *memo, const struct past *past, struct life *life,
	PyObject **kept);

/* A refresh: whether it is still due. Then *generation is that of the value. */
bool freshness_begin_refresh(struct memo *memo, struct entry *entry, uint64_t *generation);

/* The end of a refresh, with a value, or with an exception, after which the old value stays unless
 * it means that there is none. Nothing happens if that has been replaced or removed meanwhile.
 * Returns 0, or -1 with an exception. */
int freshness_end_refresh(struct memo *memo, const struct key *key, uint64_t generation,
	PyObject *value);
int freshness_end_failed_refresh(struct memo *memo, const struct key *key, uint64_t generation,
	PyObject *error);

#endif
