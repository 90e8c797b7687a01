/* All accesses are sequentially consistent: each side stores and then loads what the other stores,
 * and one of the two must see the other. */
#include "http/http_interrupt.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>

void sci_http_interrupt_raise(struct sci_http_interrupt *interrupt)
{
	int saved_errno = errno;

	atomic_fetch_add(&interrupt->raising, 1);
	atomic_store(&interrupt->raised, true);
	int fd = atomic_load(&interrupt->fd);
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	atomic_fetch_sub(&interrupt->raising, 1);
	errno = saved_errno;
}

bool sci_http_interrupt_raised(const struct sci_http_interrupt *interrupt)
{
	return atomic_load(&interrupt->raised);
}

void sci_http_interrupt_enter(struct sci_http_interrupt *interrupt, int fd)
{
	atomic_store(&interrupt->fd, fd);
}

void sci_http_interrupt_leave(struct sci_http_interrupt *interrupt)
{
	atomic_store(&interrupt->fd, -1);
	/* A raise on another thread may have loaded the socket already: wait for its end. */
	while (atomic_load(&interrupt->raising) > 0)
		sched_yield();
}
