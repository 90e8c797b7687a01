/* scopecache/process.h - what holds for all caches, memos and resources of the process.
 *
 *	sc_process_set_allocator(&(struct sc_allocator){ .allocate = arena_take, .free = arena_give });
 *	sc_process_set_bypass(1);
 */
#ifndef SCOPECACHE_PROCESS_H
#define SCOPECACHE_PROCESS_H

#include <scopecache/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Where libscopecache's small allocations come from, in place of malloc() and free(): the handles of
 * caches, what loaders give until nobody holds it, long keys. The region of a cache is not among
 * them; it is one mmap(), because the system gives its pages as they are used and takes them back.
 *
 * Both are called on any thread, sometimes with a lock of the library held, and in a forked child:
 * as malloc() itself they must not call the library, and must return. */
struct sc_allocator {
	void *(*allocate)(size_t bytes,
		void *context); /* aligned for any type; NULL when memory is out */
	void (*free)(void *memory, void *context); /* never NULL */
	void *context;
	void *reserved[2]; /* NULL */
};

/* Use this allocator, which is copied; NULL is malloc() and free().
 *
 * returns  0; SC_E_INVAL with nothing changed when a function is missing, or when the library has
 *          allocated anything: what one allocator gave, another cannot free.
 * threads  one, before any other function of the library. */
int sc_process_set_allocator(const struct sc_allocator *allocator);

/* For debugging: is it the cache that shows what it should not? With a `bypass` of 1 every lookup of
 * every cache and memo misses: a get, an acquire and a peek find nothing, a fetch loads, an update
 * sees no old value, and the figures count misses. All else goes on, so with 0 again what was put
 * meanwhile is found. Resources stay open.
 *
 * Without this call the environment says it: SCOPECACHE_BYPASS=1 when the process opens its first
 * cache. So a deployed function can be tried without building it anew.
 *
 * threads  any; it does not block. Lookups of other threads that have begun may still hit. */
void sc_process_set_bypass(int bypass);

/* Returns 1 when lookups are bypassed, else 0. Any thread. */
int sc_process_is_bypassed(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
