/* The wrappers that the linker puts in front of waiting on a condition variable (ld --wrap). */
#include "support/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
	const struct timespec *until);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
	const struct timespec *until);

static atomic_uint waiting;

unsigned sct_threads_waiting(void)
{
	return atomic_load(&waiting);
}

/* Runs also when the thread is cancelled during the wait. */
static void wait_no_more(void *nothing)
{
	(void)nothing;
	atomic_fetch_sub(&waiting, 1);
}

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	int rc;

	atomic_fetch_add(&waiting, 1);
	pthread_cleanup_push(wait_no_more, NULL);
	rc = __real_pthread_cond_wait(condition, mutex);
	pthread_cleanup_pop(1);
	return rc;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
	const struct timespec *until)
{
	int rc;

	atomic_fetch_add(&waiting, 1);
	pthread_cleanup_push(wait_no_more, NULL);
	rc = __real_pthread_cond_timedwait(condition, mutex, until);
	pthread_cleanup_pop(1);
	return rc;
}
