/* An event of the Runtime API: the headers that the runtime reads, and the body. */
#ifndef SCI_LAMBDA_EVENT_H
#define SCI_LAMBDA_EVENT_H

#include "http/http_message.h"

#include <stdbool.h>
#include <stdint.h>

/* The texts are in the buffer that the event was received into. http_message.c has checked the
 * names and replaced NUL and CR in the values; a head has at most SCI_HTTP_HEAD_MAX bytes. A header
 * that is absent or empty is NULL; of several the first that is not empty counts. */
struct sci_event {
	const char *request_id, *invocation_id, *function_arn, *trace_id;
	const char *client_context, *identity, *tenant_id;
	int64_t deadline_ms; /* 0: no deadline, or a malformed one */
	bool deadline_is_malformed;
	const char *body; /* a NUL that is not counted follows */
	size_t body_len;
	bool is_cut_off; /* the received part is valid: a retry may receive the whole event */
};

/* Find the event in a complete response, whose bytes are `data`; ends the texts with a
 * NUL there. */
void sci_event_read(struct sci_event *event, const struct sci_http_response *response, char *data);

/* Read the headers of an event that was not received completely. `request_id` is NULL when it is
 * unknown or cannot be answered; there is no body. */
void sci_event_salvage(struct sci_event *event, struct sci_http_response *response,
	const struct sci_buffer *in);

/* Whether the request id can be part of a path, so that the event can be answered. */
bool sci_event_is_answerable(const struct sci_event *event);

#endif
