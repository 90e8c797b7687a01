/* scopecache/hooks.h - what a runtime tells a library about the life of the process.
 *
 * The runtime loop and the caches do not know each other: a runtime calls a table of hooks at the
 * edges of an invocation, and libscopecache offers such a table (sc_cache_hooks(), in cache.h).
 * scopecache/function.h ties the two together; a runtime of your own ties them by calling the hooks.
 */
#ifndef SCOPECACHE_HOOKS_H
#define SCOPECACHE_HOOKS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The remaining time of an invocation that has no deadline. */
#define SC_NO_DEADLINE INT64_MAX

/* Any hook may be NULL. The runtime calls them on the thread that runs the invocation, with no lock
 * held; they may take as long as their work takes, and must not fail. */
struct sc_hooks {
	size_t size; /* sizeof(struct sc_hooks) */

	/* An event has arrived; the handler runs next. `remaining_ms` is the time until the
	 * invocation's deadline, 0 when it has passed, SC_NO_DEADLINE when there is none. */
	void (*invocation_begin)(int64_t remaining_ms);

	/* The answer has been sent, the caller has it; the next event is asked for when this returns.
	 * `remaining_ms` as above: work done here still counts against the invocation. */
	void (*invocation_end)(int64_t remaining_ms);

	/* The process is about to end in order; no invocation is running. */
	void (*shutdown)(void);
};

#ifdef __cplusplus
}
#endif

#endif
