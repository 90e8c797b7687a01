/* pthread_atfork, which takes memory too. It is a file of its own, compiled into the programs that
 * wrap: where the C library has the function in an archive, a weak reference to it would be NULL,
 * and a strong one does not link where nothing wraps. */
#include "support/allocation.h"

#include <errno.h>

int __real_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* Its handlers stay registered for good. */
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return sct_allocation_must_fail() ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}
