/* An address that is served over HTTP, by GNU libmicrohttpd on libevent's loop. A client that is
 * slow, endless or malformed costs a connection and nothing more: others are served meanwhile. */
#ifndef SCI_LOCAL_HTTP_LISTENER_H
#define SCI_LOCAL_HTTP_LISTENER_H

#include "local/shared_bytes.h"

#include <scopecache/error.h>

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct sci_peer;
struct sci_http_listener;

/* One request and its answer. It is valid until it is answered, even when the other side has
 * gone. */
struct sci_exchange;

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

/* What was asked. The path is decoded, and without the query; texts are valid as long as the
 * exchange. */
const char *sci_exchange_method(const struct sci_exchange *exchange);
const char *sci_exchange_path(const struct sci_exchange *exchange);

/* The decoded value of a parameter of the query, or NULL. */
const char *sci_exchange_parameter(const struct sci_exchange *exchange, const char *name);

/* The value of a header, or of a trailer of a chunked body; NULL when it is absent or empty. */
const char *sci_exchange_header(const struct sci_exchange *exchange, const char *name);

/* The length of the body as it was sent; and its bytes, NULL when there are none or they were
 * not kept. To use them longer than the exchange, acquire them. */
size_t sci_exchange_body_length(const struct sci_exchange *exchange);
struct sci_shared_bytes *sci_exchange_body(const struct sci_exchange *exchange);

/* False when the other side has closed the connection. */
bool sci_exchange_is_alive(const struct sci_exchange *exchange);

struct sci_header {
	const char *name, *value; /* a NULL value: no such header */
};

/* Answer, with bytes that are shared (NULL: none) or with text that is copied, as
 * application/json. A header that cannot be sent is left out. `handle` may be called, for
 * another request of that listener, before this returns. */
void sci_exchange_reply(struct sci_exchange *exchange, unsigned status,
	const struct sci_header *headers, size_t count, struct sci_shared_bytes *body);
void sci_exchange_reply_json(struct sci_exchange *exchange, unsigned status,
	const struct sci_header *headers, size_t count, const char *json, size_t len);

#endif
