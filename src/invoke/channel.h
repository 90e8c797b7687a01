/* One keep-alive connection in an event loop, with one exchange at a time: a request, and its
 * answer or the reason for none. */
#ifndef SCI_INVOKE_CHANNEL_H
#define SCI_INVOKE_CHANNEL_H

#include "base/buffer.h"
#include "http/http_message.h"
#include "invoke/endpoint.h"

#include <scopecache/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct event;
struct event_base;
struct sci_channel;

/* The exchange is over. `error` is NULL when `response` and `in` hold a complete answer, which they
 * do until the next exchange. Otherwise error->code is one of
 *
 *	SC_E_OPEN       no connection
 *	SC_E_IO         the connection was closed or reset before the answer was complete
 *	SC_E_PROTOCOL   the answer is not HTTP
 *	SC_E_TOO_LARGE  the answer is larger than it may be
 *	SC_E_DEADLINE   no complete answer in time
 *	SC_E_NOMEM
 *
 * Called from the loop, never from within a function of the channel; may begin the next
 * exchange. */
typedef void sci_channel_ended_fn(struct sci_channel *channel, const struct sc_error *error);

struct sci_channel {
	/* Set by the owner before anything else; the rest begins as zero. */
	struct event_base *base;
	const struct sci_address *address;
	int64_t timeout_ms;
	size_t max_body;
	sci_channel_ended_fn *ended;

	/* Of the last exchange: just before its request was written, and at its end. */
	uint64_t started_ns, ended_ns;
	struct sci_http_response response;
	struct sci_buffer in;
	uint64_t connections; /* made so far */

	int fd;
	bool is_busy; /* an exchange is in progress */
	bool connected;
	bool broken; /* sending failed, but there may be an answer */
	struct event *readable, *writable, *deadline;
	struct iovec out[2]; /* bytes still to be sent */
	struct sc_error failure;
};

/* Returns 0 or SC_E_NOMEM; call fini in either case. */
int sci_channel_init(struct sci_channel *channel);

/* Close the connection and drop the exchange in progress, without a callback. */
void sci_channel_close(struct sci_channel *channel);

void sci_channel_fini(struct sci_channel *channel);

/* Begin an exchange; the bytes stay as they are until it is over. */
void sci_channel_send(struct sci_channel *channel, struct iovec head, struct iovec body);

#endif
