/* One invocation: made by the Invoke API, given to the fleet, answered by an environment, and
 * returned to the caller that waits for the answer. */
#ifndef SCI_LOCAL_CALL_H
#define SCI_LOCAL_CALL_H

#include "local/deployment.h"
#include "local/invocation_log.h"
#include "local/request_id.h"
#include "local/shared_bytes.h"

#include <stdbool.h>
#include <sys/queue.h>

struct event;
struct sci_fleet;

/* The answer to the caller. */
struct sci_answer {
	struct sci_shared_bytes *body; /* NULL: nothing */
	const char *content_type;      /* never NULL */
	bool failed;                   /* the function failed: X-Amz-Function-Error */
};

struct sci_call {
	char request_id[SCI_REQUEST_ID_BYTES];
	char invocation_id[SCI_REQUEST_ID_BYTES]; /* never used for another delivery */
	struct sci_deployment *function;
	char *arn; /* with the qualifier that the caller used */
	char *trace_id;
	char *client_context; /* JSON, or NULL */
	char *tenant_id;      /* or NULL */
	struct sci_shared_bytes *event;
	bool is_event; /* its caller does not wait for the answer: the call may be queued */

	/* Called once, when there is an answer; or NULL. */
	void (*answered)(struct sci_call *call, const struct sci_answer *answer, void *arg);
	void *arg;

	/* The failure, for the report; NULL: none. `status` is a static text, `error_type` points
	 * to error_type_text. */
	const char *status, *error_type;
	char error_type_text[130];

	/* The log of this invocation; or NULL. With it the answer waits for the end of the
	 * invocation. */
	struct sci_log_tail *tail;

	/* Set by the fleet, while the call waits there. */
	TAILQ_ENTRY(sci_call) waiting;
	struct sci_fleet *queue;
	struct event *settle_timer; /* NULL: it does not wait for an environment to settle */

	struct {
		bool made, delivered;
		struct sci_shared_bytes *body;
		char *content_type;
		bool failed;
	} answer;
};

/* Make a call with new ids. It shares `event`; the texts are copied and may be NULL. Without a
 * `trace_id` a new one is made.
 *
 * returns  the call, or NULL without memory. */
struct sci_call_texts {
	const char *qualifier, *trace_id, *client_context, *tenant_id;
};
struct sci_call *sci_call_new(struct sci_deployment *function, const struct sci_call_texts *texts,
	struct sci_shared_bytes *event);

/* Answer with `body`, which the call then shares (NULL: nothing), unless there is an answer
 * already. The caller gets it now, or at the end when it wants the log too. */
void sci_call_answer(struct sci_call *call, struct sci_shared_bytes *body, const char *content_type,
	bool failed);

/* Answer with an error that the platform found: {"errorType":...,"errorMessage":...}. `status` goes
 * into the report. */
void sci_call_fail(struct sci_call *call, const char *status, const char *error_type,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Set the failure for the report; `error_type` may be NULL and is copied. */
void sci_call_note(struct sci_call *call, const char *status, const char *error_type);

/* Free a call that was never submitted, without a callback. */
void sci_call_discard(struct sci_call *call);

/* The invocation has ended: answer with an error if there is no answer, call the callback if that
 * is still due, and free. NULL is allowed. */
void sci_call_finish(struct sci_call *call);

#endif
