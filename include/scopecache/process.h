/* scopecache/process.h - settings for all caches, memos and resources of the process.
 *
 *	sc_process_set_allocator(&(struct sc_allocator){ .allocate = arena_take,
 *							 .free = arena_give });
 *	sc_process_set_bypass(1);
 */
#ifndef SCOPECACHE_PROCESS_H
#define SCOPECACHE_PROCESS_H

#include <scopecache/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The allocator of libscopecache's small allocations, instead of malloc() and free(): handles of
 * caches, loaded values until they are released, long keys. The region of a cache is not allocated
 * with it: it is one mmap(), whose pages the system supplies when they are used.
 *
 * Both functions are called on any thread, sometimes with a lock of the library held, and in a
 * forked child. Like malloc() they must not call the library, and must return. */
struct sc_allocator {
	void *(*allocate)(size_t bytes,
		void *context);                    /* aligned for any type; NULL: out of memory */
	void (*free)(void *memory, void *context); /* never NULL */
	void *context;
	void *reserved[2]; /* NULL */
};

/* Set the allocator; NULL is malloc() and free().
 *
 * returns  0; SC_E_INVAL, with nothing changed, when a function is missing, or when the library has
 *          already allocated memory, which another allocator could not free.
 * owns     the struct is copied; its context must live as long as the process.
 * blocks   no.
 * threads  one, before any other function of the library. */
int sc_process_set_allocator(const struct sc_allocator *allocator);

/* Bypass all caches, to find out whether a wrong result comes from a cache. With a `bypass` of 1
 * every lookup of every cache and memo misses: get, acquire and peek find nothing, a fetch loads,
 * an update has no old value, and the statistics count misses. Values are still stored, so lookups
 * find them again after a `bypass` of 0. Resources stay open.
 *
 * Without this call the environment decides: SCOPECACHE_BYPASS=1 when the process opens its first
 * cache bypasses all caches, so a deployed function can be checked without a new build.
 *
 * threads  any; does not block. Lookups of other threads in progress may still hit. */
void sc_process_set_bypass(int bypass);

/* Find out whether caches are bypassed.
 *
 * returns  1 when they are, else 0.
 * threads  any; does not block. */
int sc_process_is_bypassed(void);

/* Set for how long caches may be refreshed after the answer of an invocation, in milliseconds: 500
 * unless it is set; 0: not at all. A refresh begins only if it usually ends within that and before
 * the invocation's deadline. During it the process is paid for, and another call waits or is served
 * by another environment.
 *
 * threads  any; does not block. */
void sc_process_set_refresh_budget_ms(uint64_t budget_ms);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
