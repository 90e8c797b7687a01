/* The Runtime API (version 2018-06-01) over HTTP: it passes requests to an environment, and answers
 * with the environment's verdict. */
#ifndef SCI_LOCAL_RUNTIME_SERVER_H
#define SCI_LOCAL_RUNTIME_SERVER_H

#include "local/http_listener.h"

struct sci_call;
struct sci_extensions;

/* The largest answer of a function, as Lambda counts it. */
#define SCI_RESPONSE_MAX (6 * 1024 * 1024 + 100)

/* What a runtime posted. */
struct sci_runtime_post {
	const char *request_id;    /* NULL for an init error */
	const char *invocation_id; /* the echoed id, or NULL */
	const char *content_type;  /* or NULL */
	const char *error_type;    /* or NULL */
	bool failed;               /* an error, or a response whose trailers say that it failed */
	bool too_large;            /* there is no body then */
	struct sci_shared_bytes *body; /* NULL: nothing */
};

enum sci_runtime_verdict {
	SCI_RUNTIME_ACCEPTED,
	SCI_RUNTIME_WRONG_ID,    /* 400 InvalidRequestID */
	SCI_RUNTIME_WRONG_STATE, /* 403 InvalidStateTransition */
};

struct sci_runtime_handlers {
	/* Whether the peer may connect; see http_listener.h. */
	bool (*admit)(const struct sci_peer *peer, void *arg);

	/* Whether the connection may do more than post to an invocation, whose id is a secret. */
	bool (*trust)(const struct sci_exchange *exchange, void *arg);

	/* The runtime asks for an invocation. Answer the request with sci_runtime_deliver() or
	 * sci_runtime_refuse(), at any time. */
	void (*next)(struct sci_exchange *exchange, void *arg);

	/* The runtime posted an answer, or an init error. */
	enum sci_runtime_verdict (*posted)(const struct sci_runtime_post *post, void *arg);
	enum sci_runtime_verdict (*init_failed)(const struct sci_runtime_post *post, void *arg);
	void *arg;

	/* The Extensions API serves these. */
	struct sci_extensions *extensions;
};

/* Serve the Runtime API, and beside it the Extensions API (extension_server.h), on a port of the
 * loopback interface that the kernel chooses. `handlers` must outlive the listener. The connection
 * of a post that takes longer than `body_ms` is closed. Returns as sci_http_listener_open() does.
 */
int sci_runtime_server_open(struct event_base *base, const struct sci_runtime_handlers *handlers,
	int64_t body_ms, struct sci_http_listener **out, struct sc_error *error);

/* Answer a `next` with an invocation. */
void sci_runtime_deliver(struct sci_exchange *exchange, const struct sci_call *call,
	int64_t deadline_ms);

/* Refuse a `next`: 403 InvalidStateTransition. */
void sci_runtime_refuse(struct sci_exchange *exchange);

#endif
