/* The extensions that have registered in one environment, what each of them is doing, and the event
 * that is sent to them. All are internal: threads or requests of the function's own process. An
 * internal extension may register for INVOKE only.
 *
 *	REGISTERED ──> READY ──────> RUNNING ──> READY ...
 *	           next     an event         next
 *
 *	REGISTERED ──> INIT_ERROR         REGISTERED, READY, RUNNING ──> EXIT_ERROR
 *	     init/error                                      exit/error
 */
#ifndef SCI_LOCAL_EXTENSIONS_H
#define SCI_LOCAL_EXTENSIONS_H

#include "local/request_id.h"

#include <stdbool.h>
#include <stddef.h>

struct sci_exchange;
struct sci_shared_bytes;

/* Lambda's limit for an environment. */
#define SCI_EXTENSIONS_MAX 10

enum sci_extension_state {
	SCI_EXTENSION_REGISTERED,
	SCI_EXTENSION_READY,
	SCI_EXTENSION_RUNNING,
	SCI_EXTENSION_INIT_ERROR,
	SCI_EXTENSION_EXIT_ERROR,
};

struct sci_extension {
	char id[SCI_REQUEST_ID_BYTES]; /* known to the extension only */
	char *name;
	bool gets_invoke;
	bool is_due; /* it is READY, and the present event is not sent to it yet */
	enum sci_extension_state state;
	struct sci_exchange *poll; /* its `next`, while it is READY */
};

struct sci_extensions {
	/* Set by the owner. */
	const char *function_name, *handler; /* for the answer to a registration */
	void (*ready)(void *arg);            /* an extension became ready; may be NULL */
	void *arg;

	struct sci_extension all[SCI_EXTENSIONS_MAX];
	size_t count;
	bool closed;                    /* no extension may register any more */
	struct sci_shared_bytes *event; /* the present one, or NULL */
	const char *failure; /* the type of the first error that an extension posted, or NULL */
};

enum sci_registered {
	SCI_REGISTERED_NEW,
	SCI_REGISTERED_TOO_LATE,
	SCI_REGISTERED_TOO_MANY,
	SCI_REGISTERED_TWICE,
	SCI_REGISTERED_NO_MEMORY,
};

/* Register an extension. *out is set only with SCI_REGISTERED_NEW. */
enum sci_registered sci_extensions_register(struct sci_extensions *extensions, const char *name,
	bool gets_invoke, const struct sci_extension **out);

/* The runtime has asked for its first invocation. */
void sci_extensions_close(struct sci_extensions *extensions);

/* The extension with this id, or NULL. */
struct sci_extension *sci_extensions_find(struct sci_extensions *extensions, const char *id);

/* The extension asks for an event: `exchange` is answered when there is one. Returns false, with
 * `exchange` still the caller's, when its state does not allow it. */
bool sci_extensions_ask(struct sci_extensions *extensions, struct sci_extension *extension,
	struct sci_exchange *exchange);

/* The extension says that it failed, in init or later. Returns false when its state does not allow
 * it. */
bool sci_extensions_fail(struct sci_extensions *extensions, struct sci_extension *extension,
	enum sci_extension_state error);

/* Whether an extension waits for invocations. */
bool sci_extensions_get_invoke(const struct sci_extensions *extensions);

/* An invocation begins: its event, which is shared, is to be sent to those who wait for
 * invocations. From now on they are not ready. */
void sci_extensions_begin(struct sci_extensions *extensions, struct sci_shared_bytes *event);

/* Send the event. Its answers may make extensions ready again before this returns. */
void sci_extensions_deliver(struct sci_extensions *extensions);

/* An extension that the end of the init phase, or of an invocation, has to wait for; NULL: none.
 * The init phase waits for all, an invocation for those that get it. */
const struct sci_extension *sci_extensions_unready(const struct sci_extensions *extensions,
	bool in_init);

/* The name of a state, as Lambda writes it. */
const char *sci_extension_state_name(enum sci_extension_state state);

/* Free everything; the exchanges are their listener's. */
void sci_extensions_fini(struct sci_extensions *extensions);

#endif
