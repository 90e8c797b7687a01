/* What is asked of a subject: keys by a Zipf distribution, made before the clock starts. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "subject.h"

struct workload {
	uint64_t keys; /* how many different ones */
	char (*key)[BENCH_KEY_BYTES];
	uint32_t *order; /* which key each operation asks for */
	uint64_t operations;
};

/* Make a workload with skew 0.99, the same for the same arguments. False when memory is out. */
bool workload_init(struct workload *workload, uint64_t keys, uint64_t operations);
void workload_fini(struct workload *workload);

#endif
