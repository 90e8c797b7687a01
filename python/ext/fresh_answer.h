/* fresh_answer.h - what a call gets from an entry of a memo with freshness. */
#ifndef SCOPECACHE_PYTHON_FRESH_ANSWER_H
#define SCOPECACHE_PYTHON_FRESH_ANSWER_H

#include "memo.h"

/* The result of a call, if an entry gives it without a load. */
enum freshness_answer {
	FRESHNESS_ERROR = -1, /* with an exception: known from an earlier call, or of ours */
	FRESHNESS_LOAD,       /* the function has to be called */
	FRESHNESS_VALUE,      /* *value, a new reference */
};

/* Look at an entry with a value, in a memo with freshness. It may ask for a refresh, for which it
 * needs the call and what key_of returned, or NULL. Afterwards the entry may be freed. */
enum freshness_answer freshness_look(struct memo *memo, struct entry *entry,
	const struct call *call, PyObject *own, PyObject **value);

#endif
