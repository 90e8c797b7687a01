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

enum sc_log_level { SC_LOG_DEBUG, SC_LOG_INFO, SC_LOG_WARN, SC_LOG_ERROR };

/* What a runtime tells of an invocation; its texts are valid during the call only. A runtime of
 * another version may have a shorter one: what lies behind its `size` is not there. */
struct sc_invocation_info {
	size_t size; /* sizeof(struct sc_invocation_info) */

	/* The time until the invocation's deadline: 0 when it has passed, SC_NO_DEADLINE when
	 * there is none. */
	int64_t remaining_ms;

	const char *request_id; /* NULL: not known */
	const char *tenant_id;  /* NULL: none */
	uint64_t memory_bytes;  /* the function's memory size; 0: not known */

	/* Tells an operator something, in one line without a newline. NULL: nobody listens. It
	 * may be called for as long as the process lives. */
	void (*log)(enum sc_log_level level, const char *line);
};

/* Any hook may be NULL. The runtime calls them on the thread that runs the invocation, with no lock
 * held; they may take as long as their work takes, and must not fail. Where one throws a C++ exception or
 * ends its thread, the other hooks that have begun are told of the end. None may leave by longjmp. */
struct sc_hooks {
	size_t size;   /* sizeof(struct sc_hooks) */
	void *context; /* given to each hook */

	/* An event has arrived; the handler runs next. */
	void (*invocation_begin)(void *context, const struct sc_invocation_info *info);

	/* The answer has been sent, the caller has it; the next event is asked for when this returns.
	 * Work done here still counts against the invocation. */
	void (*invocation_end)(void *context, const struct sc_invocation_info *info);

	/* The process is about to end in order; no invocation is running. */
	void (*shutdown)(void *context);
};

/* A runtime has no more hooks than this. */
#define SC_HOOKS_MAX 16

#ifdef __cplusplus
}
#endif

#endif
