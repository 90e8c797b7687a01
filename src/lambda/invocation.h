/* The fields of struct sc_invocation. One object, made once, serves one event after the other. */
#ifndef SCI_LAMBDA_INVOCATION_H
#define SCI_LAMBDA_INVOCATION_H

#include "base/buffer.h"
#include "lambda/event.h"

#include <scopecache/lambda.h>

enum sci_outcome { SCI_UNANSWERED, SCI_ANSWERED, SCI_FAILED };

/* All zero is an invocation without an event. The answer is in `body`, or, when it is a part of the
 * event, `lent` points to it there. When the outcome is SCI_UNANSWERED or SCI_FAILED, both are
 * empty. */
struct sc_invocation {
	const struct sci_event *event;
	enum sci_outcome outcome;
	struct sci_buffer body;
	const char *lent; /* NULL: the answer is `body` */
	size_t lent_len;
	struct sci_buffer own_type; /* memory for a content type of the handler */
	const char *content_type;
	struct sci_buffer failure; /* the error JSON; empty when there was no memory for it */
	struct sci_buffer text;    /* the error message being formatted */
	char failure_type[128];    /* as sent in a header */
};

/* Begin with an event, which must live as long as the invocation. The buffers keep their memory. */
void sci_invocation_begin(struct sc_invocation *inv, const struct sci_event *event);

/* The bytes of the answer. */
const char *sci_invocation_response(const struct sc_invocation *inv, size_t *len);

void sci_invocation_fini(struct sc_invocation *inv);

#endif
