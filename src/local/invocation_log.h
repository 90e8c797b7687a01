/* The lines that Lambda writes around an invocation, and the end of its log for callers who ask
 * for it. */
#ifndef SCI_LOCAL_INVOCATION_LOG_H
#define SCI_LOCAL_INVOCATION_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enough for any line made here, with its newline and NUL. */
#define SCI_LOG_LINE_BYTES 640

/* The figures of an invocation. */
struct sci_report {
	const char *request_id;
	int64_t duration_us;
	int64_t init_us; /* -1: the environment was warm */
	long memory_size_mb, peak_kb;
	const char *status;     /* "timeout" or "error"; NULL: it succeeded */
	const char *error_type; /* NULL: none */
};

/* Write the line, with its newline and a NUL, and return its length. */
size_t sci_log_start(char out[SCI_LOG_LINE_BYTES], const char *request_id);
size_t sci_log_end(char out[SCI_LOG_LINE_BYTES], const char *request_id);
size_t sci_log_report(char out[SCI_LOG_LINE_BYTES], const struct sci_report *report);

/* The line for an extension; a name that is too long is cut. */
size_t sci_log_extension(char out[SCI_LOG_LINE_BYTES], const char *name, const char *state,
	bool gets_invoke);

/* The line for an environment whose init failed: `status` and `error_type` as above. */
size_t sci_log_init_report(char out[SCI_LOG_LINE_BYTES], int64_t init_us, const char *status,
	const char *error_type);

/* `<time> <request id> Task timed out after 3.00 seconds`, without a newline: both a line of the
 * log and the caller's error message. */
#define SCI_TIMED_OUT_BYTES 128
void sci_log_timed_out(char out[SCI_TIMED_OUT_BYTES], int64_t now_real_ms, const char *request_id,
	int64_t timeout_ms);

/* Why the runtime ended, by its status as waitpid() gives it, without a newline: "Runtime exited
 * with error: signal: segmentation fault (core dumped)". */
#define SCI_EXIT_REASON_BYTES 128
void sci_log_exit(char out[SCI_EXIT_REASON_BYTES], int status);

/* The error type to log for `type`, which a runtime sent, or NULL: as in Lambda, a type that has
 * the form of Lambda's own is logged as it is, any other as Unknown. */
const char *sci_log_error_type(const char *type);

/* A ring of the last 4 KiB that were put into it. */
#define SCI_LOG_TAIL_BYTES 4096

struct sci_log_tail {
	size_t total; /* bytes put so far */
	char ring[SCI_LOG_TAIL_BYTES];
};

void sci_log_tail_put(struct sci_log_tail *tail, const char *data, size_t len);

/* Copy the tail, in order, into `out`; returns its length. */
size_t sci_log_tail_copy(const struct sci_log_tail *tail, char out[SCI_LOG_TAIL_BYTES]);

#endif
