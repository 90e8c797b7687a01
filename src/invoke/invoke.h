/* Invokes a function many times, several at once, over the Lambda Invoke API, and measures it.
 *
 * A run is driven by the caller's event loop and belongs to its thread. It keeps one connection for
 * each invocation that may be in progress, and never retries an invocation, so each is counted with
 * its real outcome. */
#ifndef SCI_INVOKE_INVOKE_H
#define SCI_INVOKE_INVOKE_H

#include "invoke/endpoint.h"
#include "invoke/histogram.h"

#include <scopecache/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCI_INVOKE_PARALLEL_MAX   1000u
#define SCI_INVOKE_TIMEOUT_MAX_MS INT64_C(3600000)

/* The largest payload of an answer that is accepted; Lambda's limit is 6 MiB. */
#define SCI_INVOKE_ANSWER_MAX ((size_t)16 * 1024 * 1024)

struct event_base;

/* The outcomes of an invocation: name, name in JSON, name in a table. */
#define SCI_INVOKE_OUTCOMES(X)                                                                     \
	X(SCI_INVOKE_OK, "ok", "ok")                                                               \
	X(SCI_INVOKE_FUNCTION_ERROR, "function_errors", "function errors")                         \
	X(SCI_INVOKE_THROTTLED, "throttled", "throttled (429)")                                    \
	X(SCI_INVOKE_REFUSED, "refused", "refused by the endpoint")                                \
	X(SCI_INVOKE_TIMED_OUT, "timed_out", "timed out waiting")                                  \
	X(SCI_INVOKE_NO_ANSWER, "no_answer", "without an answer")

#define SCI_INVOKE_OUTCOME_ENUM(name, json, text) name,
enum sci_invoke_outcome { SCI_INVOKE_OUTCOMES(SCI_INVOKE_OUTCOME_ENUM) SCI_INVOKE_OUTCOME_COUNT };
#undef SCI_INVOKE_OUTCOME_ENUM

struct sci_invoke_payload {
	const void *data;
	size_t len;
};

/* The result of one invocation. Valid during the callback. */
struct sci_invoke_answer {
	uint64_t index; /* of the invocation, from 0 */
	enum sci_invoke_outcome outcome;
	int status;          /* of the HTTP answer, or 0 when there was none */
	uint64_t latency_ns; /* from just before the request is written to the end of the answer */
	struct sci_invoke_payload payload;
	const char *request_id, *function_error; /* the headers, or "" */
	const char *complaint;                   /* a message when the outcome is not ok */
};

struct sci_invoke_options {
	struct sci_address address;
	const char *host; /* the Host header, HOST:PORT */
	const char *path; /* the prefix of the API's path, mostly "" */
	const char *function;
	uint64_t count;
	unsigned parallel;  /* how many at once, up to SCI_INVOKE_PARALLEL_MAX */
	int64_t timeout_ms; /* for each invocation, up to SCI_INVOKE_TIMEOUT_MAX_MS */

	/* Returns the payload of invocation `index`, just before it is sent. Its bytes must stay
	 * unchanged until the run is closed. */
	struct sci_invoke_payload (*payload)(uint64_t index, void *arg);
	/* Each may be NULL. Neither may close the run; both may cancel it. */
	void (*answered)(const struct sci_invoke_answer *answer, void *arg);
	void (*finished)(void *arg);
	void *arg;
};

struct sci_invoke_result {
	uint64_t done; /* the sum of the outcomes */
	uint64_t outcomes[SCI_INVOKE_OUTCOME_COUNT];
	uint64_t sent_bytes, received_bytes; /* of payloads, when there was an answer */
	uint64_t elapsed_ns;                 /* from the first request to the end of the run */
	bool finished;
	/* The run ended because no connection to the endpoint ever succeeded. */
	bool unreachable;
	/* The failure of the first invocation that was not ok. */
	struct sc_error first_failure;
	/* Latencies of the invocations that the function answered, errors included. */
	struct sci_histogram latency;
};

struct sci_invoke_run;

/* Make a run; it begins when the loop runs. Strings of the options are not used after it returns.
 * Returns 0, SC_E_INVAL or SC_E_NOMEM. */
int sci_invoke_open(struct sci_invoke_run **run, struct event_base *base,
	const struct sci_invoke_options *options, struct sc_error *error);

/* End the run now: invocations in progress are dropped and not counted, and `finished` is called.
 * Does nothing when the run has finished. */
void sci_invoke_cancel(struct sci_invoke_run *run);

/* The figures so far; they change until the run has finished. Valid until the run is closed. */
const struct sci_invoke_result *sci_invoke_result(const struct sci_invoke_run *run);

/* Free the run, whether or not it has finished, without a callback. NULL is allowed. */
void sci_invoke_close(struct sci_invoke_run *run);

#endif
