/* A history of the calls of several threads, and a check that a cache can have produced it
 * (linearizability: Herlihy and Wing 1990; registers: Gibbons and Korach 1997). */
#ifndef SCT_HISTORY_H
#define SCT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sct_event_kind {
	SCT_PUT,   /* `value` was stored */
	SCT_DROP,  /* the key was invalidated, or a put failed, which leaves nothing */
	SCT_LOAD,  /* this thread's loader gave `value`, which was stored unless invalidated */
	SCT_READ,  /* `value` was found */
	SCT_AWAIT, /* another thread's load gave `value` */
	SCT_MISS,
};

/* The key of an event that is about all keys. */
#define SCT_ALL_KEYS UINT32_MAX

/* Stamps come from one clock, and no two are equal. An event took effect at some moment between its
 * start and its end. No two writes have the same value. */
struct sct_event {
	uint64_t start, end;
	uint64_t loading; /* of SCT_LOAD: a stamp taken in the loader */
	uint64_t expires; /* of a write: no event that begins then or later may see it; 0: never */
	uint64_t idle;    /* of a write: how long after its last use it may be seen; 0: any time */
	uint64_t value;
	uint32_t key;
	enum sct_event_kind kind;
};

/* A fault, and the two events that show it, which are the same when one is enough. */
struct sct_fault {
	const char *what;
	struct sct_event first, second;
};

/* Check whether a cache can have produced these events, whatever it evicted; `is_lossless`: it
 * evicted nothing. Sorts the events. Returns true, or false with *fault set. */
bool sct_history_check(struct sct_event *events, size_t count, bool is_lossless,
	struct sct_fault *fault);

void sct_fault_print(const struct sct_fault *fault);

#endif
