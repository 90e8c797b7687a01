/* A driver: one subject in a process of its own. It reads commands from standard input, one on each
 * line, and answers each with one line (docs/benchmarks.md). It waits between two commands, so that
 * the processes of several subjects can run in turn. */
#include "replay_orders.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Read exactly `count` numbers; false for any other text. */
static bool read_numbers(const char *text, uint64_t *numbers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char *end;
		errno = 0;
		numbers[i] = strtoull(text, &end, 10);
		if (end == text || errno != 0)
			return false;
		text = end;
	}
	return *text == '\0';
}

/* open ENTRIES BYTES THREADS. The previous cache is closed first and its memory returned, so that
 * each cache begins with untouched pages. */
static void do_open(struct driver *driver, const char *arguments)
{
	uint64_t numbers[3];

	if (!read_numbers(arguments, numbers, 3) || numbers[2] < 1 ||
		numbers[2] > BENCH_THREADS_MAX) {
		puts("error usage: open ENTRIES BYTES THREADS");
		return;
	}
	struct bench_capacity capacity = { .entries = numbers[0],
		.bytes = numbers[1],
		.threads = numbers[2],
		.socket = driver->socket };
	unsigned handles = bench_handles(driver->subject, &driver->work, (unsigned)numbers[2]);
	close_all(driver);
	malloc_trim(0);
	uint64_t before_ns = sci_mono_ns();
	for (unsigned i = 0; i < handles; i++) {
		driver->caches[i] = driver->subject->open(&capacity);
		if (!driver->caches[i]) {
			printf("error cannot open %s\n", driver->subject->name);
			return;
		}
	}
	printf("ok %" PRIu64 "\n", sci_mono_ns() - before_ns);
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

/* run THREADS COUNT PASSES */
static void do_run(struct driver *driver, const char *arguments)
{
	struct bench_result result;
	uint64_t numbers[3];

	if (!read_numbers(arguments, numbers, 3) || numbers[0] < 1 ||
		numbers[0] > BENCH_THREADS_MAX || numbers[1] > driver->work.order_count) {
		puts("error run THREADS COUNT PASSES needs as many orders");
		return;
	}
	struct bench_run run = { (unsigned)numbers[0], numbers[1], numbers[2] };
	if (!driver->caches[bench_handles(driver->subject, &driver->work, run.threads) - 1])
		puts("error run needs a cache opened for as many threads");
	else if (!bench_replay(driver->subject, driver->caches, &driver->work, &run, &result))
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
