/* scopecache/resource.h - a client, connection or secret that is opened once and shared.
 *
 * The first invocation that needs a resource opens it; later invocations of the process use the
 * same instance.
 *
 *	static struct sc_resource s3 = SC_RESOURCE_INIT(s3_open, s3_close, NULL);
 *	...
 *	struct sc_held client;
 *	rc = sc_resource_acquire(&s3, &client, &error);
 *	if (rc < 0)
 *		return rc;
 *	if (use(client.instance) < 0)
 *		sc_resource_report_broken(&s3, &client);
 *	sc_resource_release(&s3, &client);
 *
 * Several threads may hold a resource at the same time: what it opens must be thread-safe, or the
 * threads must synchronise their use of it.
 */
#ifndef SCOPECACHE_RESOURCE_H
#define SCOPECACHE_RESOURCE_H

#include <scopecache/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* An opener: sets *instance to a pointer that is not NULL and returns 0; or writes the cause into
 * `error`, which is never NULL here, and returns a negative number. It is called with no lock held,
 * by one thread at a time. It may throw or end its thread, as other user code (cache.h): then the
 * open has failed, and its waiters get SC_E_OPEN. It must not leave by longjmp(). */
typedef int (*sc_resource_open_fn)(void *context, void **instance, struct sc_error *error);

/* A closer: closes an instance. It is called with no lock held, once for each successful open. It
 * may throw or end its thread as an opener may; the instance then counts as closed. */
typedef void (*sc_resource_close_fn)(void *instance);

/* A resource. All fields are private; make it with SC_RESOURCE_INIT() or sc_resource_init(). */
struct sc_resource {
	sc_resource_open_fn open;
	sc_resource_close_fn close;
	void *context;
	struct sc_resource_instance *current, *retired;
	void *reserved[2];
};

/* A held resource: the instance and the number of its open, because two opens may return the same
 * address. A copy of the struct is the same hold, to be released once. */
struct sc_held {
	void *instance;       /* what `open` set */
	uint64_t number;      /* private */
	uint64_t reserved[2]; /* 0 */
};

/* The initialiser of a resource. `close_` may be NULL when there is nothing to close; `context_` is
 * passed to `open_`. */
#define SC_RESOURCE_INIT(open_, close_, context_)                                                  \
	{                                                                                          \
		open_, close_, context_, NULL, NULL,                                               \
		{                                                                                  \
			NULL, NULL                                                                 \
		}                                                                                  \
	}

/* Initialise a resource at run time, as SC_RESOURCE_INIT() does. Nothing is opened.
 *
 * owns     the caller owns the resource, which must not be moved: sc_resource_fini().
 * threads  one, before the resource is used; does not block. */
void sc_resource_init(struct sc_resource *resource, sc_resource_open_fn open,
	sc_resource_close_fn close, void *context);

/* Close the resource, as sc_resource_reset() does, before its memory is freed. A static resource
 * does not need this.
 *
 * blocks   while the closer runs.
 * threads  one, when no other call uses the resource. */
void sc_resource_fini(struct sc_resource *resource);

/* Hold the resource; open it first if it is not open.
 *
 * returns  SC_LOADED when this call opened it, SC_HIT when it was open, with *held set; or an
 *          error, with *held all zero.
 * errors   SC_E_OPEN when the opener failed, with its message in `error`, which may be NULL, and
 *          its result in error->user_code (the next call tries again); SC_E_CYCLE when the opener
 *          asks for the resource that it is opening; SC_E_NOMEM; SC_E_INVAL when it has no opener;
 *          SC_E_DEADLINE when the invocation's deadline passed during a wait for another thread's
 *          open.
 * owns     the resource owns the instance; the caller holds it: sc_resource_release() once for each
 *          successful acquire.
 * blocks   while the resource is opened. Of several threads one opens it and the others wait; if
 *          the open fails, all of them get that failure.
 * threads  any. */
int sc_resource_acquire(struct sc_resource *resource, struct sc_held *held, struct sc_error *error);

/* Release a hold and set *held to zero. NULL and an all-zero *held are allowed. The last holder of
 * an instance that was reset closes it.
 *
 * blocks   while the closer runs, if this call closes the instance.
 * threads  any. */
void sc_resource_release(struct sc_resource *resource, struct sc_held *held);

/* Report that the held instance is broken (its connection failed, its credential was refused). The
 * next acquire opens a new instance; the last holder of this one closes it. The caller still
 * releases it. If the instance was reset before, nothing happens, so each of its holders may report
 * it. NULL and an all-zero *held are allowed.
 *
 * threads  any; does not block. */
void sc_resource_report_broken(struct sc_resource *resource, const struct sc_held *held);

/* Reset the resource: the next acquire opens a new instance. An instance that is open is closed
 * now, or by its last holder.
 *
 * blocks   while the closer runs, if this call closes the instance.
 * threads  any. */
void sc_resource_reset(struct sc_resource *resource);

/* Reset every open resource of the process, the last opened first. The shutdown hook of
 * sc_cache_hooks() calls this; a program without a runtime calls it before it ends.
 *
 * blocks   while the closers run.
 * threads  any. */
void sc_resource_close_all(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
