/* A driver: one subject in a process of its own, that does what it is told on standard input, a line at
 * a time, and answers each line with one. docs/benchmarks.md has the lines. Between two of them the
 * process waits, so that subjects in many processes can take turns. */
#include "replay_orders.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_BYTES 4096

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

static const struct bench_subject *const subjects[] = {
	&bench_limit,
	&bench_scopecache,
#ifdef BENCH_WITH_GLIB
	&bench_glib,
#endif
	&bench_memcached,
	&bench_redis,
};

#define SUBJECTS (sizeof subjects / sizeof subjects[0])

struct driver {
	const struct bench_subject *subject;
	const char *socket;
	void *caches[BENCH_THREADS_MAX];
	struct bench_work work;
};

static void close_all(struct driver *driver)
{
	for (unsigned i = 0; i < BENCH_THREADS_MAX; i++) {
		if (driver->caches[i])
			driver->subject->close(driver->caches[i]);
		driver->caches[i] = NULL;
	}
}

static void do_read(struct driver *driver, const char *path, bool orders)
{
	struct bench_work *work = &driver->work;
	bool done = orders ? bench_work_read_orders(work, path) : bench_work_read_keys(work, path);

	if (done)
		printf("ok %" PRIu64 "\n", orders ? work->order_count : work->key_count);
	else
		printf("error cannot use %s: %s\n", path,
			errno ? strerror(errno) : "wrong content");
}

/* open ENTRIES BYTES THREADS */
static void do_open(struct driver *driver, const char *arguments)
{
	struct bench_room room = { .socket = driver->socket };
	struct timespec before, after;
	unsigned threads;

	if (sscanf(arguments, "%" SCNu64 " %" SCNu64 " %u", &room.entries, &room.bytes, &threads) !=
			3 ||
		threads < 1 || threads > BENCH_THREADS_MAX) {
		puts("error usage: open ENTRIES BYTES THREADS");
		return;
	}
	close_all(driver);
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (unsigned i = 0; i < (driver->subject->handle_per_thread ? threads : 1); i++) {
		driver->caches[i] = driver->subject->open(&room);
		if (!driver->caches[i]) {
			printf("error cannot open %s\n", driver->subject->name);
			return;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("ok %lld\n",
		(long long)(after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec -
			before.tv_nsec);
}

static void do_fill(struct driver *driver)
{
	uint64_t found = 0;

	if (!driver->caches[0] || !driver->work.keys) {
		puts("error fill needs keys and an open cache");
		return;
	}
	for (unsigned i = 0; i < BENCH_THREADS_MAX && driver->caches[i]; i++)
		found = bench_fill(driver->subject, driver->caches[i], &driver->work);
	printf("ok %" PRIu64 "\n", found);
}

/* run THREADS COUNT */
static void do_run(struct driver *driver, const char *arguments)
{
	struct bench_result result;
	unsigned threads;
	uint64_t count;

	if (sscanf(arguments, "%u %" SCNu64, &threads, &count) != 2 || threads < 1 ||
		threads > BENCH_THREADS_MAX || count > driver->work.order_count ||
		!driver->caches[driver->subject->handle_per_thread ? threads - 1 : 0])
		puts("error run THREADS COUNT needs as many orders, and a cache opened for the "
		     "threads");
	else if (!bench_replay(driver->subject, driver->caches, &driver->work, threads, count,
			 &result))
		puts("error cannot start a thread");
	else
		printf("ok %" PRIu64 " %" PRIu64 "\n", result.ns, result.hits);
}

static void obey(struct driver *driver, const char *command, const char *arguments)
{
	if (strcmp(command, "keys") == 0) {
		do_read(driver, arguments, false);
	} else if (strcmp(command, "orders") == 0) {
		do_read(driver, arguments, true);
	} else if (strcmp(command, "open") == 0) {
		do_open(driver, arguments);
	} else if (strcmp(command, "fill") == 0) {
		do_fill(driver);
	} else if (strcmp(command, "run") == 0) {
		do_run(driver, arguments);
	} else if (strcmp(command, "settle") == 0) {
		malloc_trim(0);
		puts("ok");
	} else {
		printf("error unknown command %s\n", command);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct driver driver = { .socket = argc > 2 ? argv[2] : NULL };
	char line[LINE_BYTES];

	for (size_t i = 0; i < SUBJECTS && argc > 1; i++)
		if (strcmp(subjects[i]->name, argv[1]) == 0)
			driver.subject = subjects[i];
	if (!driver.subject) {
		puts("error no such subject in this build");
		return 2;
	}
	printf("ready %s\n", COMPILER);
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		char *arguments = strchr(line, ' ');
		if (arguments)
			*arguments++ = '\0';
		obey(&driver, line, arguments ? arguments : "");
	}
	close_all(&driver);
	bench_work_fini(&driver.work);
	return 0;
}
