/* Out of memory: each allocation fails in turn.
 *
 * A test program that links sct_failing_allocations has every malloc, calloc, realloc,
 * aligned_alloc, posix_memalign, strdup and mmap of the code under test go through this module, and
 * pthread_atfork (what the C library does inside itself does not). Allocations of other threads are
 * counted too, in whatever order they come. */
#ifndef SCT_ALLOCATION_H
#define SCT_ALLOCATION_H

#include <stdbool.h>

/* Run `scenario` with its first allocation failing, then its second, and so on until a run meets no
 * failure. After every run, everything that it allocated must have been freed. Fails the test when
 * nothing was ever injected: then the scenario allocates nothing, or the program is linked without
 * sct_failing_allocations. The scenario must check both outcomes; sct_allocation_failed() tells
 * which one it is. */
void sct_fail_each_allocation(void (*scenario)(void *arg), void *arg);

/* Whether an allocation has failed in the current run of the scenario. */
int sct_allocation_failed(void);

/* For wrappers of other functions: whether this call, which counts as an allocation, is to fail. */
bool sct_allocation_must_fail(void);

#endif
