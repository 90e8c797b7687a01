/* An address that is served over HTTP, by libevent's evhttp. */
#ifndef SCI_LOCAL_HTTP_LISTENER_H
#define SCI_LOCAL_HTTP_LISTENER_H

#include <scopecache/error.h>

#include <event2/http.h>

#include <stdint.h>

struct event_base;
struct sci_http_listener;

struct sci_http_listener_options {
	const char *host;     /* a numeric address, or a name that resolves to one */
	uint16_t port;        /* 0: the kernel chooses */
	size_t max_body_bytes;
	size_t max_header_bytes;

	/* Called with every whole request; it must be answered sooner or later, from here or from
	 * anywhere else, unless the listener is closed first. */
	void (*handle)(struct evhttp_request *request, void *arg);
	void *arg;
};

/* Serve `options->host`:`options->port`. A request over a limit is answered 413 or 400 by evhttp itself,
 * as a page of HTML, and `handle` never sees it.
 *
 * returns  0 with *out set; SC_E_IO or SC_E_NOMEM with `error` filled in. */
int sci_http_listener_open(struct event_base *base, const struct sci_http_listener_options *options,
	struct sci_http_listener **out, struct sc_error *error);

uint16_t sci_http_listener_port(const struct sci_http_listener *listener);

/* Accept no more connections; those that are open live on. */
void sci_http_listener_stop(struct sci_http_listener *listener);

/* Stop, close every connection and forget every unanswered request. Not from inside `handle`. NULL is
 * allowed. */
void sci_http_listener_close(struct sci_http_listener *listener);

/* False when the other side has closed the connection that `request` came on. */
int sci_request_alive(struct evhttp_request *request);

/* The value of a header (trailers of a chunked body are among them), or NULL when it is absent or
 * empty. */
const char *sci_request_header(struct evhttp_request *request, const char *name);

/* Set a header of the answer; a NULL value sets none. A value that cannot be sent is left out. */
void sci_reply_set(struct evhttp_request *request, const char *name, const char *value);

/* Answer with `len` bytes of JSON, or with what `body` holds (NULL: nothing), of the content type that
 * was set. The request is gone afterwards. */
void sci_reply_json(struct evhttp_request *request, int status, const char *json, size_t len);
void sci_reply_send(struct evhttp_request *request, int status, struct evbuffer *body);

#endif
