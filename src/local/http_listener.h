/* An HTTP server on one address: GNU libmicrohttpd on libevent's loop. A client that is slow, sends
 * without end or sends malformed requests costs one connection; others are served meanwhile. */
#ifndef SCI_LOCAL_HTTP_LISTENER_H
#define SCI_LOCAL_HTTP_LISTENER_H

#include "local/http_exchange.h"

#include <scopecache/error.h>

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct sci_peer;
struct sci_http_listener;

struct sci_http_listener_options {
	const char *host; /* a numeric address, or a name that resolves to one */
	uint16_t port;    /* 0: the kernel chooses */

	/* A connection that is silent for this long, while no request waits for its answer, is
	 * closed; up to `check_ms` later. */
	unsigned idle_seconds;

	/* The time limits of the head of a request, from its first byte, and of its body after
	 * that (0: none). A connection that exceeds one is closed without an answer. Connections
	 * are checked every `check_ms`, so that may be `check_ms` later. */
	int64_t head_ms, body_ms, check_ms;

	/* The most bytes of the path and the headers of a request; a larger one is answered 431.
	 * Each connection has as much memory, which is cleared after every request: a larger value
	 * costs time. */
	size_t max_head_bytes;

	/* A larger body is discarded, and `handle` gets the request without it. A body that is
	 * announced ten times as large is refused; when one grows to that, the connection is closed
	 * without an answer. */
	size_t max_body_bytes;

	/* See http_admission.h. The texts must live as long as the listener. */
	bool any_host;
	const char *const *origins;
	size_t origin_count;

	/* Called with every connection; the answer false closes it before anything is read.
	 * NULL: all may connect. */
	bool (*admit)(const struct sci_peer *peer, void *arg);

	/* Called with a request that is not admitted; it must answer before it returns. */
	void (*refuse)(struct sci_exchange *exchange, unsigned status, const char *message,
		void *arg);

	/* Called with every complete request, which must be answered at some time, in this call or
	 * later, unless the listener is closed first. */
	void (*handle)(struct sci_exchange *exchange, void *arg);
	void *arg;
};

/* Serve `options->host`:`options->port`.
 *
 * returns  0 with *out set; SC_E_IO or SC_E_NOMEM with `error` filled in. */
int sci_http_listener_open(struct event_base *base, const struct sci_http_listener_options *options,
	struct sci_http_listener **out, struct sc_error *error);

uint16_t sci_http_listener_port(const struct sci_http_listener *listener);

/* True while there is a request that is not answered, or whose answer is not sent. */
bool sci_http_listener_is_busy(const struct sci_http_listener *listener);

/* Accept no more connections; the open ones stay. */
void sci_http_listener_stop(struct sci_http_listener *listener);

/* Stop, close every connection and forget every request. Not from inside `handle`. NULL is
 * allowed. */
void sci_http_listener_close(struct sci_http_listener *listener);

#endif
