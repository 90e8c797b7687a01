/* Pure functions over a caller's buffer. The formats are Lambda's, with its tabs, so that programs
 * that read Lambda's logs read these too. The billed duration is in whole milliseconds and includes
 * init, as in Lambda. */
#define _GNU_SOURCE
#include "local/invocation_log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* Append to a line of SCI_LOG_LINE_BYTES; what does not fit is cut. */
static size_t put(char *line, size_t len, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static size_t put(char *line, size_t len, const char *format, ...)
{
	size_t space = SCI_LOG_LINE_BYTES - len;
	va_list args;

	va_start(args, format);
	int wanted = vsnprintf(line + len, space, format, args);
	va_end(args);
	if (wanted < 0)
		return len;
	return len + ((size_t)wanted < space ? (size_t)wanted : space - 1);
}

static double to_ms(int64_t us)
{
	return (double)us / 1000.0;
}

size_t sci_log_start(char out[SCI_LOG_LINE_BYTES], const char *request_id)
{
	return put(out, 0, "START RequestId: %s Version: $LATEST\n", request_id);
}

size_t sci_log_end(char out[SCI_LOG_LINE_BYTES], const char *request_id)
{
	return put(out, 0, "END RequestId: %s\n", request_id);
}

static size_t put_status(char *out, size_t len, const char *status, const char *error_type)
{
	if (status)
		len = put(out, len, "Status: %s\t", status);
	if (error_type)
		len = put(out, len, "Error Type: %.128s\t", error_type);
	return put(out, len, "\n");
}

size_t sci_log_report(char out[SCI_LOG_LINE_BYTES], const struct sci_report *report)
{
	int64_t init_us = report->init_us > 0 ? report->init_us : 0;
	int64_t billed_ms = (report->duration_us + init_us + 999) / 1000;

	size_t len = put(out, 0,
		"REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %lld ms\t"
		"Memory Size: %ld MB\tMax Memory Used: %ld MB\t",
		report->request_id, to_ms(report->duration_us), (long long)billed_ms,
		report->memory_size_mb, (report->peak_kb + 1023) / 1024);
	if (report->init_us >= 0)
		len = put(out, len, "Init Duration: %.2f ms\t", to_ms(report->init_us));
	return put_status(out, len, report->status, report->error_type);
}

size_t sci_log_extension(char out[SCI_LOG_LINE_BYTES], const char *name, const char *state,
	bool gets_invoke)
{
	return put(out, 0, "EXTENSION\tName: %.256s\tState: %s\tEvents: [%s]\n", name, state,
		gets_invoke ? "INVOKE" : "");
}

size_t sci_log_init_report(char out[SCI_LOG_LINE_BYTES], int64_t init_us, const char *status,
	const char *error_type)
{
	size_t len =
		put(out, 0, "INIT_REPORT Init Duration: %.2f ms\tPhase: init\t", to_ms(init_us));

	return put_status(out, len, status, error_type);
}

void sci_log_timed_out(char out[SCI_TIMED_OUT_BYTES], int64_t now_real_ms, const char *request_id,
	int64_t timeout_ms)
{
	time_t seconds = (time_t)(now_real_ms / 1000);
	struct tm utc;
	char day_and_time[32];

	gmtime_r(&seconds, &utc);
	strftime(day_and_time, sizeof day_and_time, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out, SCI_TIMED_OUT_BYTES, "%s.%03dZ %.36s Task timed out after %.2f seconds",
		day_and_time, (int)(now_real_ms % 1000), request_id, (double)timeout_ms / 1000.0);
}

void sci_log_exit(char out[SCI_EXIT_REASON_BYTES], int status)
{
	if (WIFSIGNALED(status)) {
		const char *name = sigdescr_np(WTERMSIG(status));
		if (!name)
			name = "unknown";
		snprintf(out, SCI_EXIT_REASON_BYTES, "Runtime exited with error: signal: %c%s%s",
			tolower((unsigned char)*name), name + 1,
			WCOREDUMP(status) ? " (core dumped)" : "");
	} else if (WEXITSTATUS(status) != 0) {
		snprintf(out, SCI_EXIT_REASON_BYTES, "Runtime exited with error: exit status %d",
			WEXITSTATUS(status));
	} else {
		snprintf(out, SCI_EXIT_REASON_BYTES, "Runtime exited without providing a reason");
	}
}

const char *sci_log_error_type(const char *type)
{
	bool function = type && strncmp(type, "Function.", 9) == 0;
	bool runtime = type && strncmp(type, "Runtime.", 8) == 0;
	const char *reason = function || runtime ? strchr(type, '.') + 1 : "";

	bool well_formed = reason[0] >= 'A' && reason[0] <= 'Z' && reason[1] != '\0';
	for (const char *at = reason; *at; at++)
		well_formed &= (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
	return well_formed ? type : function ? "Function.Unknown" : "Runtime.Unknown";
}

void sci_log_tail_put(struct sci_log_tail *tail, const char *data, size_t len)
{
	if (len > SCI_LOG_TAIL_BYTES) {
		tail->total += len - SCI_LOG_TAIL_BYTES;
		data += len - SCI_LOG_TAIL_BYTES;
		len = SCI_LOG_TAIL_BYTES;
	}
	size_t at = tail->total % SCI_LOG_TAIL_BYTES;
	size_t first = len < SCI_LOG_TAIL_BYTES - at ? len : SCI_LOG_TAIL_BYTES - at;
	memcpy(tail->ring + at, data, first);
	memcpy(tail->ring, data + first, len - first);
	tail->total += len;
}

size_t sci_log_tail_copy(const struct sci_log_tail *tail, char out[SCI_LOG_TAIL_BYTES])
{
	if (tail->total <= SCI_LOG_TAIL_BYTES) {
		memcpy(out, tail->ring, tail->total);
		return tail->total;
	}
	size_t at = tail->total % SCI_LOG_TAIL_BYTES;
	memcpy(out, tail->ring + at, SCI_LOG_TAIL_BYTES - at);
	memcpy(out + SCI_LOG_TAIL_BYTES - at, tail->ring, at);
	return SCI_LOG_TAIL_BYTES;
}
