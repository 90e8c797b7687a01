/* A recorded run: sc_lambda_run() with a function that records its calls, and a server whose
 * replies the test sets. The program links sct_failing_network, so that pauses end at once. */
#ifndef SCT_RECORDED_RUN_H
#define SCT_RECORDED_RUN_H

#include "support/scripted_server.h"

#include <scopecache/lambda.h>

/* Replies of a correct server. */
#define HEAD(status)   "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n"
#define EVENT_HEAD(id) HEAD("200 OK") "Lambda-Runtime-Aws-Request-Id: " id "\r\n"
#define EVENT_DEADLINE "Lambda-Runtime-Deadline-Ms: 4102444800000\r\n"
#define EVENT_BODY     "Content-Length: 2\r\n\r\n{}"
#define EVENT(id)      EVENT_HEAD(id) EVENT_DEADLINE EVENT_BODY
#define STATUS(status) HEAD(status) "Content-Length: 2\r\n\r\n{}"

/* The body of the error for an event that could not be received. */
#define RECORDED_UNUSABLE(why)                                                                     \
	"{\"errorMessage\":\"the event could not be received: " why                                \
	"\",\"errorType\":\"Runtime.UnusableEvent\",\"stackTrace\":[]}"

struct recorded_run {
	/* Set by the test. */
	int (*init)(void **state, struct sc_error *error);     /* NULL: recorded_init */
	int (*handle)(struct sc_invocation *inv, void *state); /* NULL: recorded_handle */

	const char *extension;               /* the name to register; or NULL */
	const struct sc_hooks *const *hooks; /* NULL: hooks that record */
	bool exits_from_log;                 /* the first log line ends the thread */

	/* What happened: i(nit), b(egin), h(andle), e(nd), f(ini), s(hutdown). */
	char order[256];
	char log[16384];      /* the lines, each with its level in front */
	int64_t remaining_ms; /* in the last handle */
	struct sc_error error;
	struct sct_scripted_server server;
};

extern struct recorded_run recorded;

/* Clear the record; also a cmocka setup function. */
int recorded_clear(void **state);

/* Run until the server has no more replies to GETs and sends SIGTERM. Returns the result of
 * sc_lambda_run(). */
int recorded_run(struct sct_reply_list gets, struct sct_reply_list posts);

#define RECORDED_REPLIES(list) ((struct sct_reply_list)SCT_REPLIES(list))
#define RECORDED_NO_REPLIES    ((struct sct_reply_list){ 0 })

/* Run with this address in place of the server's. */
int recorded_run_at(const char *address);

/* The function: its state counts the invocations, and its answer is {"n":COUNT,"len":BYTES}. */
int recorded_init(void **state, struct sc_error *error);
int recorded_handle(struct sc_invocation *inv, void *state);

/* The nth POST, from 0; fails the test if there is none. */
const struct sct_scripted_request *recorded_post(size_t nth);
size_t recorded_post_count(void);

/* Assert that the nth POST was to /2018-06-01/runtime/PATH and had this body. */
void recorded_assert_post(size_t nth, const char *path, const char *body);

/* How often the log has that text. */
size_t recorded_logged(const char *text);

#endif
