/* scopecache/resource.h - something opened once and used by every later invocation.
 *
 * A client, a connection, a secret: opened by the first invocation that needs it, kept by the process.
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
 * Several threads may hold it at the same time: what it opens must bear that, or the threads must
 * agree among themselves.
 */
#ifndef SCOPECACHE_RESOURCE_H
#define SCOPECACHE_RESOURCE_H

#include <scopecache/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Open the thing: set *instance to something that is not NULL and return 0, or return a negative number
 * after writing into `error`, which is never NULL here, what is wrong. Called with no lock held, by one
 * thread at a time. It may throw or end its thread, as the code of the user's in cache.h: then the open
 * has failed with SC_E_OPEN for those who wait for it. It may not leave by longjmp. */
typedef int (*sc_resource_open_fn)(void *context, void **instance, struct sc_error *error);

/* Close what was opened. Called with no lock held, once for each successful open. It may leave as an
 * opener may; then it has closed. */
typedef void (*sc_resource_close_fn)(void *instance);

/* All fields are private; make it with SC_RESOURCE_INIT() or sc_resource_init(). */
struct sc_resource {
	sc_resource_open_fn open;
	sc_resource_close_fn close;
	void *context;
	struct sc_resource_instance *current, *retired;
	void *reserved[2];
};

/* What a caller holds: the instance, and the number of the opening that it comes from, because two
 * openings may give the same address. Copying the struct does not make a second hold. */
struct sc_held {
	void *instance;       /* what `open` set */
	uint64_t number;      /* private */
	uint64_t reserved[2]; /* 0 */
};

/* `close_` may be NULL when there is nothing to close; `context_` is passed to `open_`. */
#define SC_RESOURCE_INIT(open_, close_, context_)                                                  \
	{                                                                                          \
		open_, close_, context_, NULL, NULL,                                               \
		{                                                                                  \
			NULL, NULL                                                                 \
		}                                                                                  \
	}

/* The same at run time, for one whose context is not known before. Nothing is opened. */
void sc_resource_init(struct sc_resource *resource, sc_resource_open_fn open,
	sc_resource_close_fn close, void *context);

/* Close what is open, as sc_resource_reset(); after that the memory of the resource may go. For an
 * sc_resource that lives shorter than the process. No other thread may be using it. */
void sc_resource_fini(struct sc_resource *resource);

/* Hold the resource, opening it first if it is not open.
 *
 * returns  SC_LOADED when this call opened it, SC_HIT when it was open, with *held set. Otherwise
 *          *held is all zero: SC_E_OPEN when `open` failed: `error` (if not NULL) has its
 *          message, and its result in user_code; nothing is kept, and the next call tries again.
 *          SC_E_CYCLE when `open` asks for the resource it is opening. SC_E_NOMEM. SC_E_DEADLINE
 *          when the invocation's deadline passed while waiting for another thread's open.
 * owns     the instance stays the resource's; the caller holds it: sc_resource_release() once for
 *          each successful acquire.
 * blocks   while it is opened. When several threads ask at once, one opens and the others wait; when
 *          it fails, each of them gets that failure. */
int sc_resource_acquire(struct sc_resource *resource, struct sc_held *held, struct sc_error *error);

/* Release what sc_resource_acquire() gave; *held is all zero after. NULL and an all-zero *held are
 * allowed. The last holder of an instance that was reset closes it. Any thread. */
void sc_resource_release(struct sc_resource *resource, struct sc_held *held);

/* The held instance cannot be used any more (a connection broke, a credential was refused): the
 * next acquire opens another, and the last holder of this one closes it. The caller still has to
 * release it. Does nothing when this instance was reset before, so that each of its holders may
 * report it. NULL and an all-zero *held are allowed. Any thread. */
void sc_resource_report_broken(struct sc_resource *resource, const struct sc_held *held);

/* The same for whatever instance is open, by a caller that holds none. It is closed now, or by
 * its last holder. Does nothing when nothing is open. Any thread. */
void sc_resource_reset(struct sc_resource *resource);

/* Reset every resource of the process that is open, the last opened first. The runtime's shutdown
 * hook calls this; a program without a runtime calls it before it ends. */
void sc_resource_close_all(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
