/* One request to a listener, and its answer. */
#ifndef SCI_LOCAL_HTTP_EXCHANGE_H
#define SCI_LOCAL_HTTP_EXCHANGE_H

#include "local/shared_bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* It is valid until it is answered, even when the other side has closed its connection. */
struct sci_exchange;

/* What was asked. The path is decoded, and without the query; texts are valid as long as the
 * exchange. */
const char *sci_exchange_method(const struct sci_exchange *exchange);
const char *sci_exchange_path(const struct sci_exchange *exchange);

/* The decoded value of a parameter of the query, or NULL. */
const char *sci_exchange_parameter(const struct sci_exchange *exchange, const char *name);

/* The value of a header; NULL when it is absent or empty. */
const char *sci_exchange_header(const struct sci_exchange *exchange, const char *name);

/* The value of a trailer of a chunked body, which came when the request was already admitted; NULL
 * when it is absent, empty, or has control characters. */
const char *sci_exchange_trailer(const struct sci_exchange *exchange, const char *name);

/* The length of the body as it was sent; and its bytes, NULL when there are none or they were
 * not kept. To use them longer than the exchange, acquire them. */
size_t sci_exchange_body_length(const struct sci_exchange *exchange);
struct sci_shared_bytes *sci_exchange_body(const struct sci_exchange *exchange);

/* Where the request comes from. Returns false when that is not known. */
struct sci_peer;
bool sci_exchange_peer(const struct sci_exchange *exchange, struct sci_peer *peer);

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
