/* What an HTTP answer of the Invoke API means. */
#ifndef SCI_INVOKE_INVOKE_ANSWER_H
#define SCI_INVOKE_INVOKE_ANSWER_H

#include "http/http_message.h"
#include "invoke/invoke.h"

/* Fill in `answer` from a complete response, whose bytes are `data`. Its pointers point into
 * `data`, where the byte after a header becomes NUL. When the outcome is not ok, `error` has a
 * message without control characters, and answer->complaint points to it. */
void sci_invoke_answer_read(struct sci_invoke_answer *answer,
	const struct sci_http_response *response, char *data, struct sc_error *error);

/* The same for an invocation without an answer; `error` has the reason. */
void sci_invoke_answer_missing(struct sci_invoke_answer *answer, const struct sc_error *error);

#endif
