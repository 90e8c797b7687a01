/* Hits, side by side: the limit, ours and the hand-made cache, on the same keys in the same order.
 *
 * The subjects take turns, round after round, so that what else the machine does falls on all of them;
 * the figure is the median round, and its ratio to the limit's. */
#include "workload.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS      7
#define OPERATIONS  1000000u
#define THREADS_MAX 2

static const struct bench_subject *const subjects[] = {
	&bench_limit,
	&bench_scopecache,
#ifdef BENCH_WITH_GLIB
	&bench_glib,
#endif
};

#define SUBJECTS (sizeof subjects / sizeof subjects[0])

struct reader {
	pthread_t thread;
	const struct bench_subject *subject;
	const struct workload *workload;
	void *cache;
	uint64_t hits;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *read_all(void *arg)
{
	struct reader *reader = arg;
	const struct workload *workload = reader->workload;
	char value[BENCH_VALUE_BYTES];

	for (uint64_t i = 0; i < workload->operations; i++)
		reader->hits += reader->subject->get(reader->cache,
			workload->key[workload->order[i]], value);
	return NULL;
}

/* One round: nanoseconds for each operation of each thread. */
static double measure(const struct bench_subject *subject, void *cache,
	const struct workload *workload, unsigned threads)
{
	struct reader readers[THREADS_MAX];
	uint64_t start = now_ns();

	for (unsigned i = 0; i < threads; i++) {
		readers[i] =
			(struct reader){ .subject = subject, .workload = workload, .cache = cache };
		int rc = pthread_create(&readers[i].thread, NULL, read_all, &readers[i]);
		if (rc != 0) {
			fprintf(stderr, "cache_bench: cannot start a thread: %s\n", strerror(rc));
			exit(1);
		}
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(readers[i].thread, NULL);
		if (readers[i].hits != workload->operations) {
			fprintf(stderr, "cache_bench: %s lost entries that fit\n", subject->name);
			exit(1);
		}
	}
	return (double)(now_ns() - start) / (double)workload->operations;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void *fill(const struct bench_subject *subject, const struct workload *workload)
{
	char value[BENCH_VALUE_BYTES] = { 0 };
	void *cache = subject->open(workload->keys);

	if (!cache) {
		fprintf(stderr, "cache_bench: out of memory for %s\n", subject->name);
		exit(1);
	}
	for (uint64_t i = 0; i < workload->keys; i++)
		subject->put(cache, workload->key[i], value);
	return cache;
}

static void report(const struct bench_subject *subject, const struct workload *workload,
	unsigned threads, double ns_per_op, double ratio, bool json)
{
	if (json)
		printf("{\"bench\":\"hit\",\"subject\":\"%s\",\"keys\":%" PRIu64 ",\"threads\":%u,"
		       "\"ns_per_op\":%.1f,\"ratio_to_limit\":%.2f}\n",
			subject->name, workload->keys, threads, ns_per_op, ratio);
	else
		printf("%-12s %9" PRIu64 " %8u %10.1f %15.2f\n", subject->name, workload->keys,
			threads, ns_per_op, ratio);
	fflush(stdout);
}

static void compare_subjects(const struct workload *workload, unsigned threads, bool json)
{
	double rounds[SUBJECTS][ROUNDS];
	void *caches[SUBJECTS];

	for (size_t i = 0; i < SUBJECTS; i++)
		caches[i] = fill(subjects[i], workload);
	for (unsigned round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < SUBJECTS; i++)
			rounds[i][round] = measure(subjects[i], caches[i], workload, threads);
	for (size_t i = 0; i < SUBJECTS; i++) {
		qsort(rounds[i], ROUNDS, sizeof rounds[i][0], compare);
		report(subjects[i], workload, threads, rounds[i][ROUNDS / 2],
			rounds[i][ROUNDS / 2] / rounds[0][ROUNDS / 2], json);
		subjects[i]->close(caches[i]);
	}
}

int main(int argc, char **argv)
{
	static const uint64_t keys[] = { 1000, 100000, 1000000 };
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct workload workload;

	if (argc > 1 && !json) {
		fprintf(stderr, "usage: cache_bench [--json]\n");
		return 2;
	}
	if (!json)
		printf("%-12s %9s %8s %10s %15s\n", "hits of", "keys", "threads", "ns per op",
			"ratio to limit");
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (!workload_init(&workload, keys[i], OPERATIONS)) {
			fprintf(stderr, "cache_bench: out of memory\n");
			return 1;
		}
		for (unsigned threads = 1; threads <= THREADS_MAX; threads++)
			compare_subjects(&workload, threads, json);
		workload_fini(&workload);
	}
#ifndef BENCH_WITH_GLIB
	fprintf(stderr, "skipped: glib, which was not there when this was built\n");
#endif
	return 0;
}
