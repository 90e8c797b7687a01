/* Ends a wait from a signal handler, without a race. Entering a wait makes no system call.
 *
 * A thread enters before it blocks on a socket. To end its wait, another thread or a signal handler
 * raises the interrupt, which shuts the socket down: recv() and send() on it return, even if they
 * are called later. No raise is lost: the waiter stores the socket and then loads `raised`; the
 * raiser stores `raised` and then loads the socket. */
#ifndef SCI_HTTP_INTERRUPT_H
#define SCI_HTTP_INTERRUPT_H

#include <stdatomic.h>
#include <stdbool.h>

/* Start with SCI_HTTP_INTERRUPT_INIT. One thread waits; any number may raise. */
struct sci_http_interrupt {
	atomic_bool raised; /* true from the first raise on */
	atomic_int fd;      /* the socket that is waited on, or -1 */
	atomic_int raising; /* raises in progress */
};

#define SCI_HTTP_INTERRUPT_INIT                                                                    \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* End the present wait and every later one. Async-signal-safe; any thread. */
void sci_http_interrupt_raise(struct sci_http_interrupt *interrupt);

bool sci_http_interrupt_raised(const struct sci_http_interrupt *interrupt);

/* Before and after the calls that may block. After leaving, no raise touches `fd` any more, so it
 * may be closed; when it was raised meanwhile, `fd` may have been shut down. */
void sci_http_interrupt_enter(struct sci_http_interrupt *interrupt, int fd);
void sci_http_interrupt_leave(struct sci_http_interrupt *interrupt);

#endif
