/* The table of scopes, and the one that a thread is in.
 *
 * A scope is interned to a number that is never used again: serial:54 | place in the table:10. It
 * is live as long as its place has this number; 0 is no scope. */
#ifndef SCI_CACHE_SCOPE_H
#define SCI_CACHE_SCOPE_H

#include "cache/handle.h"

#include <scopecache/scope.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SCI_SCOPES_MAX 1024u

/* Private to these two files: the number in each place. */
extern _Atomic uint64_t sci_scope_numbers[SCI_SCOPES_MAX];

static inline bool sci_scope_is_live(uint64_t number)
{
	return number != 0 &&
		atomic_load_explicit(&sci_scope_numbers[number % SCI_SCOPES_MAX],
			memory_order_acquire) == number;
}

/* Whether what is stored under this name belongs to nobody any more. */
static inline bool sci_name_is_dead(const struct sci_name *name)
{
	uint64_t scope = sci_key_scope(name->key, name->len);

	return scope != 0 && !sci_scope_is_live(scope);
}

/* The scope that this thread is in, live or not; 0: none. */
uint64_t sci_scope_of_thread(void);

/* Whether this invocation's tenant is another than that of the first. */
bool sci_scope_is_foreign(void);

/* Whether a thread in this scope may use a cache that is not shared. */
static inline bool sci_cache_may_use(const struct sc_cache *cache, uint64_t scope)
{
	return sci_scope_is_live(scope) && !(cache->options.strict && sci_scope_is_foreign());
}

/* An invocation begins or ends on this thread. `tenant` may be NULL. */
void sci_scope_begin(const char *tenant);
void sci_scope_end(void);

/* Whether an entry of this scope may be refreshed on this thread: after an invocation that was in
 * it, and anywhere without an invocation. */
bool sci_scope_may_refresh(uint64_t number);

/* Be in another scope, for a refresh. Returns the present one. */
uint64_t sci_scope_exchange(uint64_t number);

/* sc_context_leave() as a cleanup handler. */
static inline void sci_context_leave(void *outer)
{
	sc_context_leave(outer);
}

/* How many scopes were dropped: a cache that has seen fewer may hold entries of dead ones. */
uint64_t sci_scopes_dropped(void);

#endif
