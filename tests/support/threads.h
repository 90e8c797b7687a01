/* Threads in a test, which wait for one another without sleeping. */
#ifndef SCT_THREADS_H
#define SCT_THREADS_H

#include <stdbool.h>

/* Run `body` on `count` threads that begin together, number 0 to count - 1; returns when all are
 * done. */
void sct_threads_run(unsigned count, void (*body)(unsigned number, void *arg), void *arg);

/* cmocka's assertions jump to the stack of the main thread, so other threads must not use them.
 * This check prints what is wrong and ends the process. */
#define sct_check(condition)                                                                       \
	((condition) ? (void)0 : sct_check_failed(__FILE__, __LINE__, #condition))

_Noreturn void sct_check_failed(const char *file, int line, const char *what);

/* Let other threads run. Under load sched_yield() lasts a whole time slice of every other process,
 * because the caller stays ready to run; one that has slept is scheduled soon. */
void sct_pause(void);

/* Let other threads run until the condition holds, for two minutes at most. */
#define sct_until(condition)                                                                       \
	do {                                                                                       \
		long long sct_deadline_ = sct_until_deadline();                                    \
		while (!(condition))                                                               \
			sct_until_step(sct_deadline_, __FILE__, __LINE__, #condition);             \
	} while (0)

long long sct_until_deadline(void);
void sct_until_step(long long deadline, const char *file, int line, const char *what);

/* How many threads of the code under test wait on a condition variable now. A counted thread holds
 * its mutex until it sleeps: after locking that mutex, it sleeps for certain. For programs that
 * link sct_counted_waits. */
unsigned sct_threads_waiting(void);

#endif
