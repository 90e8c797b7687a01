/* Ending a wait from a signal handler, without a race and without a system call on the way in.
 *
 * A thread that is about to block on a socket enters; another thread ends the wait by raising,
 * which shuts the socket down and so ends recv() and send() on it, now or when they are called.
 * Raising cannot come between the look at the request and the blocking call: the one publishes
 * the socket and then looks for a request, the other publishes the request and then looks for a
 * socket. */
#ifndef SCI_HTTP_INTERRUPT_H
#define SCI_HTTP_INTERRUPT_H

#include <stdatomic.h>
#include <stdbool.h>

/* Start with SCI_HTTP_INTERRUPT_INIT. One waits, any number may raise. */
struct sci_http_interrupt {
	atomic_bool raised; /* from the first raise on, for good */
	atomic_int fd;      /* the socket that is waited on, or -1 */
	atomic_int raising; /* raises under way */
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
