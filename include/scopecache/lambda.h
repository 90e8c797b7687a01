/* scopecache/lambda.h - a runtime for AWS Lambda functions in C.
 *
 * A function is three callbacks: `init` makes the state that lives as long as the execution
 * environment, `handle` answers one invocation, `fini` frees the state. sc_lambda_run() calls them:
 * it speaks the Lambda Runtime API over one connection, without libcurl or any other library, and
 * reuses its buffers, so that an invocation takes four system calls.
 *
 *	static int handle(struct sc_invocation *inv, void *state)
 *	{
 *		return sc_invocation_printf(inv, "{\"hello\":\"world\"}");
 *	}
 *
 * Most functions include scopecache/function.h, whose SC_LAMBDA_MAIN() also connects the caches.
 */
#ifndef SCOPECACHE_LAMBDA_H
#define SCOPECACHE_LAMBDA_H

#include <scopecache/error.h>
#include <scopecache/hooks.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One invocation: the event, its headers, and the answer so far. It is valid until `handle`
 * returns, on the thread of `handle` only. */
struct sc_invocation;

/* ---- The event and its headers. Pointers are valid until `handle` returns; texts end with a NUL.
 * A header that is absent or empty is NULL. ---- */

/* Get the event.
 *
 * returns  *len bytes, exactly as the caller sent them; they need not be JSON or text. A NUL that
 *          *len does not count follows them. Never NULL, even when *len is 0.
 * owns     the runtime owns the bytes; they are valid until `handle` returns.
 * threads  the handler's; does not block. */
const void *sc_invocation_event(const struct sc_invocation *inv, size_t *len);

/* Get the request id. A retry of an asynchronous event has the id of the first attempt.
 *
 * returns  text, never NULL, valid until `handle` returns.
 * threads  the handler's; does not block. */
const char *sc_invocation_request_id(const struct sc_invocation *inv);

/* Get the ARN of the invoked function, with the version or alias that the caller named.
 *
 * returns  text, valid until `handle` returns; NULL when the header is absent or empty.
 * threads  the handler's; does not block. */
const char *sc_invocation_function_arn(const struct sc_invocation *inv);

/* Get the X-Ray trace header. It is also in the environment while `handle` runs: _X_AMZN_TRACE_ID.
 *
 * returns  text, valid until `handle` returns; NULL when the header is absent or empty.
 * threads  the handler's; does not block. */
const char *sc_invocation_trace_id(const struct sc_invocation *inv);

/* Get the client context that the caller's SDK sent. It should be JSON, but may be any bytes.
 *
 * returns  text, valid until `handle` returns; NULL when the header is absent or empty.
 * threads  the handler's; does not block. */
const char *sc_invocation_client_context(const struct sc_invocation *inv);

/* Get the Cognito identity. It should be JSON, but may be any bytes.
 *
 * returns  text, valid until `handle` returns; NULL when the header is absent or empty.
 * threads  the handler's; does not block. */
const char *sc_invocation_identity(const struct sc_invocation *inv);

/* Get the tenant id, for functions in tenant isolation mode.
 *
 * returns  text, valid until `handle` returns; NULL when the header is absent or empty.
 * threads  the handler's; does not block. */
const char *sc_invocation_tenant_id(const struct sc_invocation *inv);

/* Get the deadline, when the platform ends the invocation by force.
 *
 * returns  milliseconds since 1970 on the wall clock; 0 when the event has no usable deadline.
 * threads  the handler's; does not block. */
int64_t sc_invocation_deadline_ms(const struct sc_invocation *inv);

/* Get the time until the deadline. This reads a clock.
 *
 * returns  milliseconds; 0 when the deadline has passed, SC_NO_DEADLINE when there is none.
 * threads  the handler's; does not block. */
int64_t sc_invocation_remaining_ms(const struct sc_invocation *inv);

/* ---- The answer. Bytes are copied into a buffer that the runtime reuses, unless they are part of
 * the event. The answer is sent after `handle` returns. A handler that returns 0 without an answer
 * sends zero bytes. The last call counts: an answer replaces a failure, a failure replaces an
 * answer. ---- */

/* Answer with `len` bytes, replacing an earlier answer. `content_type` may be NULL:
 * application/json.
 *
 * returns  0; SC_E_NOMEM; SC_E_INVAL for a content type that is empty or has control characters, or
 *          for NULL with a `len` above 0. After an error the earlier answer stands.
 * owns     the bytes are copied.
 * threads  the handler's; does not block. */
int sc_invocation_answer(struct sc_invocation *inv, const void *data, size_t len,
	const char *content_type);

/* Append text to the answer, as printf() does. An answer that begins with this call is
 * application/json; one that began with sc_invocation_answer() keeps its content type.
 * returns  0; SC_E_NOMEM, after which the earlier answer stands.
 * threads  the handler's; does not block. */
int sc_invocation_printf(struct sc_invocation *inv, const char *format, ...) SC_PRINTF_LIKE(2, 3);

/* Append `len` bytes of text to the answer as a JSON string, with quotes. Valid UTF-8 is copied;
 * every other byte becomes U+FFFD.
 * returns  0; SC_E_NOMEM, after which the earlier answer stands.
 * threads  the handler's; does not block. */
int sc_invocation_json_string(struct sc_invocation *inv, const char *text, size_t len);

/* Fail this invocation: the caller gets {"errorMessage":...,"errorType":...}, and the environment
 * continues. `type` is category.Reason, such as "Function.NoSuchReport" (NULL: "Function.Error").
 * Lambda replaces a type of another form by Function.Unknown or Runtime.Unknown. The message is
 * text; invalid UTF-8 is replaced as by sc_invocation_json_string().
 * returns  always SC_E_FUNCTION, so that a handler can end with `return sc_invocation_fail(...)`.
 * threads  the handler's; does not block. */
int sc_invocation_fail(struct sc_invocation *inv, const char *type, const char *format, ...)
	SC_PRINTF_LIKE(3, 4);

/* ---- The function and its loop.
 *
 * A callback or a hook may throw a C++ exception, be cancelled or end its thread. Then the
 * invocation fails with Function.DidNotReturn, the end hooks and `fini` are called as usual, and
 * the exception or the exit continues past sc_lambda_run(), which may be called again. A
 * cancellation after `handle` waits until the answer is sent. An exception that is not caught
 * aborts the process where it is thrown. Callbacks and hooks must not leave by longjmp(). ---- */

/* A function: its callbacks and options. */
struct sc_lambda_function {
	size_t size; /* sizeof(struct sc_lambda_function); SC_LAMBDA_FUNCTION() fills it in */

	/* Make the state that is passed to every invocation: set *state, which is NULL before.
	 * Return 0, or write the cause into `error` and return a negative number: then the runtime
	 * posts an init error of type Function.InitError and stops. `fini` is not called after a
	 * failed init. NULL: no state. */
	int (*init)(void **state, struct sc_error *error);

	/* Answer one invocation. Return a negative number when it failed: then the caller gets the
	 * failure of sc_invocation_fail() or, without one, Function.Error with the text of the
	 * result. Return 0 or more to send the answer, or the failure if sc_invocation_fail() was
	 * called last. Required. */
	int (*handle)(struct sc_invocation *inv, void *state);

	/* Free the state, after the last invocation. NULL: nothing to free. */
	void (*fini)(void *state);

	/* Tables of hooks, at most SC_HOOKS_MAX, then NULL. At the beginning of an invocation they
	 * are called in this order; at its end, and at the shutdown after `fini` or a failed init,
	 * in the reverse order. Tables of an older header are accepted. NULL: no hooks. */
	const struct sc_hooks *const *hooks;

	/* Writes a line, without a newline, to the function's log. The line never contains an event
	 * or an answer. NULL: no log. */
	void (*log)(enum sc_log_level level, const char *line);

	/* HOST:PORT of the Runtime API. HOST is a numeric address ([::1] for IPv6) or localhost.
	 * NULL: the environment variable AWS_LAMBDA_RUNTIME_API. */
	const char *runtime_api;

	/* Register as an internal extension of this name before init, because Lambda sends SIGTERM
	 * only to a function with an extension, and ends others by SIGKILL, without fini and the
	 * hooks' shutdown. It takes one of the ten extensions of an environment, and two requests
	 * in init; no thread is started. When it fails, that is a line of the log, and the function
	 * runs without it. The name is that of no file in /opt/extensions. "": do not register.
	 * NULL: the environment variable SCOPECACHE_EXTENSION; if that is unset or empty, do not
	 * register. */
	const char *extension;
};

/* A function: SC_LAMBDA_FUNCTION(.handle = handle). C++ has scopecache::lambda_main(). */
#ifndef __cplusplus
#define SC_LAMBDA_FUNCTION(...)                                                                    \
	((const struct sc_lambda_function){ .size = sizeof(struct sc_lambda_function),             \
		__VA_ARGS__ })
#endif

/* Run the function until the platform ends it: call init, then handle for each event, then fini.
 *
 * SIGTERM ends the loop after the invocation in progress is answered; the signal handler that was
 * installed before is restored on return. After a broken connection or a server error the loop
 * retries with exponential back-off, and gives up after ten failures in a row, so that the warm
 * state survives short failures.
 *
 * returns  0 after SIGTERM; or an error, with its details in `error`, which may be NULL.
 * errors   SC_E_INVAL for a function or address that is not valid; SC_E_NOMEM; SC_E_FUNCTION when
 *          init failed, with its result in error->user_code; SC_E_IO, SC_E_PROTOCOL or
 *          SC_E_TOO_LARGE when the Runtime API cannot be used.
 * blocks   until the platform ends the function.
 * threads  any, one call at a time in a process; a second call gets SC_E_INVAL. The call changes
 *          the environment (_X_AMZN_TRACE_ID) and a signal handler. */
int sc_lambda_run(const struct sc_lambda_function *function, struct sc_error *error);

/* Write `[LEVEL] line` to standard error, which Lambda stores as the function's log; for the `log`
 * field.
 *
 * blocks   while standard error is not writable.
 * threads  any. */
void sc_lambda_log_stderr(enum sc_log_level level, const char *line);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
