/* scopecache/hooks.h - functions that a runtime calls at the edges of an invocation.
 *
 * The runtime and the caches do not depend on each other. A runtime calls a table of hooks when an
 * invocation begins and ends, and libscopecache offers such a table: sc_cache_hooks() in cache.h.
 * scopecache/function.h connects the two. Another runtime connects the caches by calling the same
 * hooks.
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

enum sc_log_level { SC_LOG_DEBUG, SC_LOG_INFO, SC_LOG_WARN, SC_LOG_ERROR };

/* A description of an invocation; its texts are valid during the call only. A runtime of another
 * version may pass a shorter struct: a field beyond `size` must not be read. */
struct sc_invocation_info {
	size_t size; /* sizeof(struct sc_invocation_info) */

	/* The time until the invocation's deadline: 0 when it has passed, SC_NO_DEADLINE when there
	 * is none. */
	int64_t remaining_ms;

	const char *request_id; /* NULL: not known */
	const char *tenant_id;  /* NULL: none */
	uint64_t memory_bytes;  /* the function's memory size; 0: not known */

	/* Writes a line, without a newline, to the function's log. NULL: there is no log. It may be
	 * called until the process ends. */
	void (*log)(enum sc_log_level level, const char *line);
};

/* A table of hooks; any hook may be NULL. The runtime calls them on the thread that runs the
 * invocation, with no lock held. A hook may block, and cannot report a failure. If one throws a C++
 * exception or ends its thread, the runtime still calls invocation_end of each table whose
 * invocation_begin returned. A hook must not leave by longjmp(). */
struct sc_hooks {
	size_t size;   /* sizeof(struct sc_hooks) */
	void *context; /* passed to each hook */

	/* An event has arrived; the handler runs next. */
	void (*invocation_begin)(void *context, const struct sc_invocation_info *info);

	/* The answer has been sent. The runtime asks for the next event when this returns. Work
	 * done here still counts against the invocation. */
	void (*invocation_end)(void *context, const struct sc_invocation_info *info);

	/* The process is about to end in an orderly way; no invocation is running. */
	void (*shutdown)(void *context);
};

/* The most tables of hooks that a runtime takes. */
#define SC_HOOKS_MAX 16

#ifdef __cplusplus
}
#endif

#endif
