/* The operations of the benchmark, and their time. */
#ifndef BENCH_REPLAY_ORDERS_H
#define BENCH_REPLAY_ORDERS_H

#include "subject.h"

#define BENCH_THREADS_MAX 2

struct bench_work {
	char (*keys)[BENCH_KEY_BYTES];
	uint64_t key_count;
	uint32_t *orders; /* the index of a key, plus BENCH_PUT for a put; else it is a get */
	uint64_t order_count;
	bool puts; /* whether the orders include a put */
};

#define BENCH_PUT UINT32_C(0x80000000)

/* Read the keys, or the orders, that compare.py has written, in place of earlier ones. Returns
 * false when the file cannot be used, with the reason in errno, or 0. */
bool bench_work_read_keys(struct bench_work *work, const char *path);
bool bench_work_read_orders(struct bench_work *work, const char *path);
void bench_work_fini(struct bench_work *work);

/* The value of a key contains the key's number. */
void bench_value(char value[BENCH_VALUE_BYTES], uint32_t index);

/* Put every key, then count those found with the right value. */
uint64_t bench_fill(const struct bench_subject *subject, void *cache,
	const struct bench_work *work);

struct bench_result {
	uint64_t ns;   /* from when the first thread begins to when the last one ends */
	uint64_t hits; /* gets that found a value */
};

struct bench_run {
	unsigned threads;
	uint64_t count;  /* of the orders to do, from the first; each thread does a part */
	uint64_t passes; /* how often each thread repeats its part */
};

/* The number of handles that so many threads need. */
unsigned bench_handles(const struct bench_subject *subject, const struct bench_work *work,
	unsigned threads);

/* Replay orders, with a cache for each handle. False when a thread cannot be started. */
bool bench_replay(const struct bench_subject *subject, void *const *caches,
	const struct bench_work *work, const struct bench_run *run, struct bench_result *result);

#endif
