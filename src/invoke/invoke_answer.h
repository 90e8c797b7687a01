/* What an HTTP answer of the Invoke API means. */
#ifndef SCI_INVOKE_INVOKE_ANSWER_H
#define SCI_INVOKE_INVOKE_ANSWER_H

#include "http/http_message.h"
#include "invoke/invoke.h"

/* Fill in `answer` from a complete response, whose bytes are `data`; what it points to lies in
 * there, and a byte after each header may be overwritten with its NUL. When the outcome is not ok,
 * `error` says why in words, without control characters whatever the other side sent, and
 * answer->complaint is its message. */
void sci_invoke_answer_read(struct sci_invoke_answer *answer,
	const struct sci_http_response *response, char *data, struct sc_error *error);

/* The same for an invocation without an answer; `error` has the reason. */
void sci_invoke_answer_missing(struct sci_invoke_answer *answer, const struct sc_error *error);

#endif
