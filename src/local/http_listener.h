/* An address that is served over HTTP, by GNU libmicrohttpd on libevent's loop. A client that is
 * slow, endless or malformed costs a connection and nothing more: others are served meanwhile. */
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

	/* A connection on which nothing happens for so long, while no request waits for its
	 * answer, is closed; give or take `look_ms`. */
	unsigned idle_seconds;

	/* How long the head of a request may take from its first byte, and its body after that
	 * (0: as long as it likes); what is later is closed without an answer. Connections are
	 * looked at every `look_ms`, so it may be that much later. */
	int64_t head_ms, body_ms, look_ms;

	/* What the path and the headers of a request may take, or it is answered 431. It is the
	 * memory of a connection too, which is wiped after every request: more than is needed
	 * costs time. */
	size_t max_head_bytes;

	/* Of a larger body nothing is kept: the request is handed on without it. One that is
	 * announced ten times as large is refused, and one that grows to that closed without an
	 * answer. */
	size_t max_body_bytes;

	/* See http_admission.h. The texts must live as long as the listener. */
	bool any_host;
	const char *const *origins;
	size_t origin_count;

	/* Called with every connection; the answer false closes it before anything is read.
	 * NULL: all may connect. */
	bool (*admit)(const struct sci_peer *peer, void *arg);

	/* Called with a request that is not handed on, which it must answer before it returns. */
	void (*refuse)(struct sci_exchange *exchange, unsigned status, const char *message,
		void *arg);

	/* Called with every whole request; it must be answered sooner or later, from here or from
	 * anywhere else, unless the listener is closed first. */
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

/* Accept no more connections; those that are open live on. */
void sci_http_listener_stop(struct sci_http_listener *listener);

/* Stop, close every connection and forget every request. Not from inside `handle`. NULL is
 * allowed. */
void sci_http_listener_close(struct sci_http_listener *listener);

#endif
