/* The state of an exchange, which only the listener and http_exchange.c see. */
#ifndef SCI_LOCAL_HTTP_EXCHANGE_STATE_H
#define SCI_LOCAL_HTTP_EXCHANGE_STATE_H

#include "local/shared_bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct connection;
struct sci_http_listener;
struct MHD_Connection;
struct MHD_Response;

struct sci_exchange {
	struct sci_http_listener *listener;
	struct MHD_Connection *connection;
	struct connection *tracked;
	int64_t since_us; /* when its head was complete */
	char *method, *path;
	struct sci_shared_bytes *body;
	size_t body_len;
	bool handled; /* `handle` has been called */
	bool suspended;
	void (*run)(struct sci_http_listener *listener); /* after it is resumed */
	bool failed;                 /* there is no memory to answer: the connection is closed */
	struct MHD_Response *answer; /* to be queued */
	unsigned status;
	char *origin; /* whose pages may read the answer; or NULL */
	LIST_ENTRY(sci_exchange) all;
};

#endif
