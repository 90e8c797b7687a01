/* The operations that a subject is asked for, and how long it takes over them. */
#ifndef BENCH_REPLAY_ORDERS_H
#define BENCH_REPLAY_ORDERS_H

#include "subject.h"

#define BENCH_THREADS_MAX 2

struct bench_work {
	char (*keys)[BENCH_KEY_BYTES];
	uint64_t key_count;
	uint32_t *orders; /* the index of a key; with BENCH_PUT it is put, else it is got */
	uint64_t order_count;
	bool puts; /* there is a put among the orders */
};

#define BENCH_PUT UINT32_C(0x80000000)

/* Read the keys, or the orders, that compare.py has written. False, with a reason in errno or 0,
 * when the file cannot be used; what was read before is gone in any case. */
bool bench_work_read_keys(struct bench_work *work, const char *path);
bool bench_work_read_orders(struct bench_work *work, const char *path);
void bench_work_fini(struct bench_work *work);

/* The value of a key says which key it belongs to. */
void bench_value(char value[BENCH_VALUE_BYTES], uint32_t index);

/* Put every key, and count those that are found after with the right value. */
uint64_t bench_fill(const struct bench_subject *subject, void *cache,
	const struct bench_work *work);

struct bench_result {
	uint64_t ns;   /* from when the first thread begins to when the last one ends */
	uint64_t hits; /* gets that found a value */
};

struct bench_run {
	unsigned threads;
	uint64_t count;  /* of the orders, the first; each thread has a part of them */
	uint64_t passes; /* how often a thread goes through its part */
};

/* How many handles so many threads need for the work. */
unsigned bench_handles(const struct bench_subject *subject, const struct bench_work *work,
	unsigned threads);

/* Replay orders, with a cache for each handle. False when a thread cannot be started. */
bool bench_replay(const struct bench_subject *subject, void *const *caches,
	const struct bench_work *work, const struct bench_run *run, struct bench_result *result);

#endif
