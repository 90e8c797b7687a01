/* A signal handler has no argument, so this is the one global variable of the runtime. With
 * SA_RESTART, SIGTERM does not interrupt the system calls of the function's handler. */
#include "lambda/termination.h"

#include <signal.h>
#include <stddef.h>

static atomic_flag started = ATOMIC_FLAG_INIT;
static struct sci_http_interrupt interrupt = SCI_HTTP_INTERRUPT_INIT;
static struct sigaction before;

static void on_sigterm(int signal_number)
{
	(void)signal_number;
	sci_http_interrupt_raise(&interrupt);
}

struct sci_http_interrupt *sci_termination_start(void)
{
	struct sigaction action = { .sa_handler = on_sigterm, .sa_flags = SA_RESTART };

	if (atomic_flag_test_and_set(&started))
		return NULL;
	sigemptyset(&action.sa_mask);
	atomic_store(&interrupt.raised, false);
	sigaction(SIGTERM, &action, &before);
	return &interrupt;
}

void sci_termination_stop(void)
{
	sigaction(SIGTERM, &before, NULL);
	atomic_flag_clear(&started);
}
