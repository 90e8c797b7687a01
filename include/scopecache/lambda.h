/* scopecache/lambda.h - a Lambda function in C.
 *
 * A function is three callbacks: `init` makes the state that lives as long as the execution
 * environment does, `handle` answers one invocation with it, `fini` ends it. sc_lambda_run() does the
 * rest: it speaks the Lambda Runtime API over one kept connection, without libcurl or any other
 * library, and reuses its buffers, so that an invocation costs four system calls.
 *
 *	static int handle(struct sc_invocation *inv, void *state)
 *	{
 *		return sc_invocation_printf(inv, "{\"hello\":\"world\"}");
 *	}
 *
 * Most functions include scopecache/function.h, whose SC_LAMBDA_MAIN() also ties in the caches.
 */
#ifndef SCOPECACHE_LAMBDA_H
#define SCOPECACHE_LAMBDA_H

#include <scopecache/error.h>
#include <scopecache/hooks.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One invocation: the event and what came with it, and the answer being made. It is valid until
 * `handle` returns, and belongs to the thread that `handle` was called on. */
struct sc_invocation;

/* ---- What came in. None of these fail, block or allocate; the pointers are valid until `handle`
 * returns, and the texts end with a NUL. A header that was absent or empty is NULL. ---- */

/* The event: *len bytes, exactly as the caller sent them; they need not be JSON, nor text. One NUL
 * that is not counted follows them. Never NULL, not even when *len is 0. */
const void *sc_invocation_event(const struct sc_invocation *inv, size_t *len);

/* The request id; never NULL. A retry of an asynchronous event has the same id as the first try. */
const char *sc_invocation_request_id(const struct sc_invocation *inv);

/* The ARN that was invoked, with the version or alias the caller named. */
const char *sc_invocation_function_arn(const struct sc_invocation *inv);

/* The X-Ray trace header. While `handle` runs it is also in the environment as _X_AMZN_TRACE_ID. */
const char *sc_invocation_trace_id(const struct sc_invocation *inv);

/* What the caller's SDK sent as client context, as bytes that should be JSON but may be anything. */
const char *sc_invocation_client_context(const struct sc_invocation *inv);

/* The Cognito identity, as bytes that should be JSON but may be anything. */
const char *sc_invocation_identity(const struct sc_invocation *inv);

/* The tenant, for functions in tenant isolation mode. */
const char *sc_invocation_tenant_id(const struct sc_invocation *inv);

/* When the invocation is ended by force: milliseconds since the epoch on the wall clock, or 0 when
 * the platform named no (usable) deadline. */
int64_t sc_invocation_deadline_ms(const struct sc_invocation *inv);

/* Milliseconds until then: 0 when it has passed, SC_NO_DEADLINE when there is none. Reads a clock. */
int64_t sc_invocation_remaining_ms(const struct sc_invocation *inv);

/* ---- The answer. Bytes are copied into a buffer that the runtime reuses, unless they are part of the
 * event; nothing is sent before `handle` has returned. A handler that returns 0 without an answer sends
 * zero bytes. The last word counts: an answer replaces a failure, and a failure an answer. ---- */

/* Answer with `len` bytes of `content_type` (NULL: application/json). Replaces what was answered
 * before in this invocation.
 *
 * returns  0; SC_E_NOMEM; SC_E_INVAL for a content type that is empty or has control characters, or for
 *          data that is NULL although `len` is not 0. After an error the earlier answer stands. */
int sc_invocation_answer(struct sc_invocation *inv, const void *data, size_t len,
	const char *content_type);

/* Append text to the answer, as printf does. An answer that begins so is application/json; one that
 * began with sc_invocation_answer() keeps its content type.
 *
 * returns  0; SC_E_NOMEM, and then the earlier answer stands. */
int sc_invocation_printf(struct sc_invocation *inv, const char *format, ...) SC_PRINTF_LIKE(2, 3);

/* Append `len` bytes of text to the answer as a JSON string, quotes included. UTF-8 stays as it is;
 * a byte that is not part of valid UTF-8 becomes U+FFFD.
 *
 * returns  0; SC_E_NOMEM, and then the earlier answer stands. */
int sc_invocation_json_string(struct sc_invocation *inv, const char *text, size_t len);

/* Fail this invocation: the caller gets {"errorMessage":...,"errorType":...}, and the environment
 * lives on. `type` is category.Reason, such as "Function.NoSuchReport" (NULL: "Function.Error"; the
 * platform makes Function.Unknown or Runtime.Unknown of a type of another form). The message is
 * text; invalid UTF-8 is mended as in sc_invocation_json_string.
 *
 * returns  SC_E_FUNCTION, always, so that a handler can end with `return sc_invocation_fail(...)`. */
int sc_invocation_fail(struct sc_invocation *inv, const char *type, const char *format, ...)
	SC_PRINTF_LIKE(3, 4);

/* ---- The function and its loop.
 *
 * A callback, or a hook, may throw a C++ exception, be cancelled or end its thread: the invocation fails
 * with Function.DidNotReturn, what has begun is ended as usual, and the exception or the end goes on
 * past sc_lambda_run(), which may be called again. A cancellation that comes later than that waits until
 * the answer is given. An exception that nobody catches aborts the process where it is thrown, as ever.
 * None may leave by longjmp. ---- */

struct sc_lambda_function {
	size_t size; /* sizeof(struct sc_lambda_function); SC_LAMBDA_FUNCTION() fills it in */

	/* Make the state that every later invocation is given: *state is NULL before, and what it is
	 * set to is only passed on. NULL: no state. Return 0, or a negative number after writing into
	 * `error` what is wrong: that is posted as an init error of type Function.InitError, and the
	 * loop ends. `fini` is not called after a failed init. */
	int (*init)(void **state, struct sc_error *error);

	/* Answer one invocation. Return a negative number when it failed: without an earlier
	 * sc_invocation_fail() the caller gets Function.Error and the text of the result, whatever was
	 * answered before. Anything else sends the answer - or the failure, where the last word was
	 * sc_invocation_fail(). Required. */
	int (*handle)(struct sc_invocation *inv, void *state);

	/* End the state, after the last invocation. NULL: nothing to do. */
	void (*fini)(void *state);

	/* Told of each invocation's begin and end, and of the shutdown after `fini`, or after an
	 * init that failed: a list that ends with NULL, of SC_HOOKS_MAX at most. Each is told of
	 * a begin in this order, and of an end and the shutdown in the opposite one. Hooks of an
	 * older header are fine. NULL: nobody. */
	const struct sc_hooks *const *hooks;

	/* Told, in one line without a newline, what an operator should know; never the content of an
	 * event or an answer. NULL: nobody. */
	void (*log)(enum sc_log_level level, const char *line);

	/* HOST:PORT of the Runtime API, where HOST is a number ([::1] for IPv6) or localhost. NULL: the
	 * environment's AWS_LAMBDA_RUNTIME_API. */
	const char *runtime_api;
};

/* In C++ lambda.hpp has lambda_main(), or fill the struct in. */
#ifndef __cplusplus
#define SC_LAMBDA_FUNCTION(...)                                                                    \
	((const struct sc_lambda_function){ .size = sizeof(struct sc_lambda_function),             \
		__VA_ARGS__ })
#endif

/* Run the function until the platform ends it: init, then event after event, then fini.
 *
 * SIGTERM ends the loop in order, once the invocation at hand is answered; the handler that was
 * installed before is put back on return. A broken connection or a server error is borne: the loop
 * makes a new connection after a pause that grows, and gives up only after many failures in a row,
 * so that warm state survives what can be survived.
 *
 * returns  0 after SIGTERM; SC_E_INVAL for a function or address that is not valid; SC_E_NOMEM;
 *          SC_E_FUNCTION when init failed, with its result as user_code in `error`; SC_E_IO,
 *          SC_E_PROTOCOL or SC_E_TOO_LARGE when the Runtime API could not be used. `error` may be NULL.
 * blocks   until then.
 * threads  one call at a time in a process, a second one gets SC_E_INVAL: it changes the environment
 *          (_X_AMZN_TRACE_ID) and a signal handler. */
int sc_lambda_run(const struct sc_lambda_function *function, struct sc_error *error);

/* A `log` that writes `[LEVEL] line` to standard error, which Lambda keeps as the function's log. */
void sc_lambda_log_stderr(enum sc_log_level level, const char *line);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
