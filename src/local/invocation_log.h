/* The lines that Lambda writes around an invocation, and the last of its log for callers who
 * ask. */
#ifndef SCI_LOCAL_INVOCATION_LOG_H
#define SCI_LOCAL_INVOCATION_LOG_H

#include <stddef.h>
#include <stdint.h>

/* What is long enough for any line made here, its newline and NUL included. */
#define SCI_LOG_LINE_BYTES 640

/* What an invocation took. */
struct sci_report {
	const char *request_id;
	int64_t duration_us;
	int64_t init_us; /* -1: the environment was warm */
	long memory_size_mb, peak_kb;
	const char *status;     /* "timeout" or "error"; NULL: it went well */
	const char *error_type; /* NULL: none */
};

/* Write the line, with its newline and a NUL, and return its length. */
size_t sci_log_start(char out[SCI_LOG_LINE_BYTES], const char *request_id);
size_t sci_log_end(char out[SCI_LOG_LINE_BYTES], const char *request_id);
size_t sci_log_report(char out[SCI_LOG_LINE_BYTES], const struct sci_report *report);

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

/* What is logged of the error type that a runtime sent, or NULL: Lambda lets through what looks
 * like one of its own types, and no other text. */
const char *sci_log_error_type(const char *type);

/* The last 4 KiB of what is put into it. */
#define SCI_LOG_TAIL_BYTES 4096

struct sci_log_tail {
	size_t total; /* bytes put so far */
	char ring[SCI_LOG_TAIL_BYTES];
};

void sci_log_tail_put(struct sci_log_tail *tail, const char *data, size_t len);

/* Copy the tail, in order, into `out`; returns its length. */
size_t sci_log_tail_copy(const struct sci_log_tail *tail, char out[SCI_LOG_TAIL_BYTES]);

#endif
