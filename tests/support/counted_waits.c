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

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	atomic_fetch_add(&waiting, 1);
	int rc = __real_pthread_cond_wait(condition, mutex);
	atomic_fetch_sub(&waiting, 1);
	return rc;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
	const struct timespec *until)
{
	atomic_fetch_add(&waiting, 1);
	int rc = __real_pthread_cond_timedwait(condition, mutex, until);
	atomic_fetch_sub(&waiting, 1);
	return rc;
}
