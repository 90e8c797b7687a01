/* The wrapper of pthread_atfork(), which allocates. It is a separate file, compiled into the
 * programs that wrap: where the C library has the function in an archive, a weak reference to it
 * would be NULL, and a strong one would not link in programs that do not wrap. */
#include "support/allocation.h"

#include <errno.h>

int __real_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* Registered handlers cannot be removed. */
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return sct_allocation_must_fail() ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}
