/* scopecache/scope.h - scopes: whose data it is.
 *
 *	struct sc_scope outer;
 *	if (sc_scope_enter(&outer, user) < 0)
 *		return deny();
 *	rc = sc_cache_fetch(orders, SC_KEY("open"), &value, &error);	this user's alone
 *	sc_scope_leave(&outer);
 *
 * A scope is a tenant, which the runtime names, and within it a user, whom the handler names. The
 * hooks of sc_cache_hooks() enter the tenant's scope when an invocation begins and leave whatever
 * scope is entered when it ends. A user is entered within the tenant and does not replace it.
 *
 * The scope of a thread is a part of every key that it uses: entries of two scopes cannot meet. A
 * cache that is opened with .shared = 1 has no scopes. As soon as any scope was entered in the
 * process, a thread without one is refused by all other caches (SC_E_SCOPE), because what it would
 * store belongs to nobody. A cache with .strict = 1 refuses it from the start, and also refuses an
 * invocation of another tenant than that of the process's first invocation.
 *
 * The process remembers 1,024 scopes. Entering another invalidates the one that was entered least
 * recently, as sc_scope_invalidate() does.
 */
#ifndef SCOPECACHE_SCOPE_H
#define SCOPECACHE_SCOPE_H

#include <scopecache/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The most bytes of a tenant's or a user's name. */
#define SC_SCOPE_NAME_BYTES_MAX 1024

/* What a thread was in before it entered a scope. Its fields are private. */
struct sc_scope {
	uint64_t saved[3];
	uint64_t reserved[3]; /* 0 */
};

/* Enter the scope of a user within the thread's tenant, until sc_scope_leave(): for a handler, at
 * latest until the invocation ends. A scope that is entered within a user's replaces that user.
 *
 * returns  0 with *outer set; SC_E_INVAL for a name that is NULL or empty, SC_E_TOO_LARGE for a
 *          long one, SC_E_SCOPE when the tenant was invalidated, SC_E_NOMEM: then *outer is set
 *          too, and until it is left the thread is in no scope, so that nothing is stored for the
 *          wrong user.
 * owns     the name is copied.
 * threads  any, for itself; does not block. */
int sc_scope_enter(struct sc_scope *outer, const char *user);

/* Return to what the thread was in before. Without effect when the invocation in which it was
 * entered has ended.
 *
 * threads  the one that entered; does not block. */
void sc_scope_leave(const struct sc_scope *outer);

/* Forget a scope and all that caches hold of it: of a user of a tenant; or, with `user` NULL, of
 * the tenant and all its users. `tenant` NULL is no tenant. No lookup finds anything of it from now
 * on, loads in progress are not stored, and a thread that is in it is refused (SC_E_SCOPE) until it
 * enters one anew. The entries' bytes are wiped and freed after the answers of the next
 * invocations, and by sc_maintain().
 *
 * returns  SC_HIT when there was such a scope; SC_MISS when not.
 * blocks   no: it takes the same time however much the caches hold.
 * threads  any. */
int sc_scope_invalidate(const char *tenant, const char *user);

/* What a thread is in: its scope, and its invocation's deadline and time. Its fields are
 * private. */
struct sc_context {
	uint64_t saved[7];
	uint64_t reserved[5]; /* 0 */
};

/* Capture what this thread is in, for work on another thread, or later on an event loop.
 *
 * threads  any; does not block. */
void sc_context_capture(struct sc_context *context);

/* Enter what was captured, until sc_context_leave(); *outer becomes what the thread was in before.
 * Enter it for work that ends before the invocation does: its time is that of the capture, and goes
 * on with each load.
 *
 * threads  any, for itself; does not block. */
void sc_context_enter(const struct sc_context *context, struct sc_context *outer);
void sc_context_leave(const struct sc_context *outer);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
