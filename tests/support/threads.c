/* Threads begin together at a barrier, so that races are likely. */
#include "support/threads.h"

#include "support/cmocka.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define THREADS_MAX   64
#define UNTIL_SECONDS 120

struct crew {
	pthread_barrier_t start;
	void (*body)(unsigned number, void *arg);
	void *arg;
};

struct member {
	struct crew *crew;
	unsigned number;
	pthread_t thread;
};

static void *run_member(void *arg)
{
	const struct member *member = arg;

	pthread_barrier_wait(&member->crew->start);
	member->crew->body(member->number, member->crew->arg);
	return NULL;
}

void sct_threads_run(unsigned count, void (*body)(unsigned number, void *arg), void *arg)
{
	struct crew crew = { .body = body, .arg = arg };
	struct member members[THREADS_MAX];

	assert_in_range(count, 1, THREADS_MAX);
	assert_int_equal(pthread_barrier_init(&crew.start, NULL, count), 0);
	for (unsigned i = 0; i < count; i++) {
		members[i] = (struct member){ .crew = &crew, .number = i };
		/* The running threads would wait for ever for one that did not start. */
		sct_check(pthread_create(&members[i].thread, NULL, run_member, &members[i]) == 0);
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(members[i].thread, NULL);
	pthread_barrier_destroy(&crew.start);
}

_Noreturn void sct_check_failed(const char *file, int line, const char *what)
{
	printf("%s:%d: failed: %s\n", file, line, what);
	fflush(stdout);
	_Exit(EXIT_FAILURE);
}

void sct_pause(void)
{
	/* Not nanosleep(), which support/network.h replaces. */
	clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = 1 }, NULL);
}

static long long seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

long long sct_until_deadline(void)
{
	return seconds() + UNTIL_SECONDS;
}

void sct_until_step(long long deadline, const char *file, int line, const char *what)
{
	if (seconds() > deadline)
		sct_check_failed(file, line, what);
	sct_pause();
}
