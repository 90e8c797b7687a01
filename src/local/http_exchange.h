/* One request to a listener, and its answer. */
#ifndef SCI_LOCAL_HTTP_EXCHANGE_H
#define SCI_LOCAL_HTTP_EXCHANGE_H

#include "local/shared_bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* Valid until it is answered, even when the client has closed its connection. */
struct sci_exchange;

/* The request. The path is decoded, without the query. Texts live as long as the exchange. */
const char *sci_exchange_method(const struct sci_exchange *exchange);
const char *sci_exchange_path(const struct sci_exchange *exchange);

/* The decoded value of a parameter of the query, or NULL. */
const char *sci_exchange_parameter(const struct sci_exchange *exchange, const char *name);

/* The value of a header; NULL when it is absent or empty. */
const char *sci_exchange_header(const struct sci_exchange *exchange, const char *name);

/* The value of a trailer of a chunked body; NULL when it is absent, empty, or has control
 * characters, which the admission could not check: the trailer came later. */
const char *sci_exchange_trailer(const struct sci_exchange *exchange, const char *name);

/* The length of the body as it was sent; and its bytes, NULL when there are none or the body was
 * too large. Acquire them to use them longer than the exchange. */
size_t sci_exchange_body_length(const struct sci_exchange *exchange);
struct sci_shared_bytes *sci_exchange_body(const struct sci_exchange *exchange);

/* The client of the request. Returns false when it is not known. */
struct sci_peer;
bool sci_exchange_peer(const struct sci_exchange *exchange, struct sci_peer *peer);

/* False when the client has closed the connection. */
bool sci_exchange_is_alive(const struct sci_exchange *exchange);

struct sci_header {
	const char *name, *value; /* a NULL value: no such header */
};

/* Answer, with bytes that are shared (NULL: none) or with text that is copied, as
 * application/json. A header that is too long is left out. Before this returns, the listener may
 * call `handle` for another request. */
void sci_exchange_reply(struct sci_exchange *exchange, unsigned status,
	const struct sci_header *headers, size_t count, struct sci_shared_bytes *body);
void sci_exchange_reply_json(struct sci_exchange *exchange, unsigned status,
	const struct sci_header *headers, size_t count, const char *json, size_t len);

#endif
