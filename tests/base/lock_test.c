/* The assertion that the caller holds a lock. Without assertions there is nothing to test. */
#include "base/lock.h"

#include "support/cmocka.h"
#include "support/threads.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sci_lock lock = SCI_LOCK_INIT;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void assert_nothing_held(void)
{
	sci_lock_assert_held(&lock);
}

static SCI_UNCHECKED void let_go_of_nothing(void)
{
	sci_lock_release(&lock);
}

/* Whether a call ends the process, as a failed assertion does. */
static bool aborts(void (*call)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		/* Neither its message nor its core file matters. */
		fclose(stderr);
		signal(SIGABRT, SIG_DFL);
		call();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#ifdef NDEBUG
#define ARE_ON false
#else
#define ARE_ON true
#endif

static void who_does_not_hold_it_is_noticed(void **state)
{
	(void)state;
	assert_int_equal(aborts(assert_nothing_held), ARE_ON);
	if (ARE_ON)
		assert_true(aborts(let_go_of_nothing));
}

static void who_holds_it_is_left_alone(void **state)
{
	(void)state;
	sci_lock_acquire(&lock);
	sci_lock_assert_held(&lock);
	sci_lock_release(&lock);
}

static void a_wait_gives_it_back(void **state)
{
	struct timespec now;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &now);
	sci_lock_acquire(&lock);
	assert_int_equal(sci_lock_wait(&lock, &changed, &now), ETIMEDOUT);
	sci_lock_assert_held(&lock);
	sci_lock_release(&lock);
}

static bool is_set SCI_GUARDED_BY(lock);

static void wait_or_set(unsigned number, void *arg)
{
	(void)arg;
	sci_lock_acquire(&lock);
	if (number == 0)
		is_set = true;
	pthread_cond_broadcast(&changed);
	while (!is_set)
		sci_lock_wait(&lock, &changed, NULL);
	sci_lock_assert_held(&lock);
	sci_lock_release(&lock);
}

static void threads_have_it_in_turn(void **state)
{
	(void)state;
	sct_threads_run(4, wait_or_set, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_does_not_hold_it_is_noticed),
		cmocka_unit_test(who_holds_it_is_left_alone),
		cmocka_unit_test(a_wait_gives_it_back),
		cmocka_unit_test(threads_have_it_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
