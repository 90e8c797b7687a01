/* One line, one write: lines of several threads or processes do not mix. */
#include <scopecache/lambda.h>

#include <stdio.h>
#include <unistd.h>

#define LINE_BYTES 1024

void sc_lambda_log_stderr(enum sc_log_level level, const char *line)
{
	static const char *const names[] = { "DEBUG", "INFO", "WARN", "ERROR" };
	char text[LINE_BYTES];

	int len = snprintf(text, sizeof text - 1, "[%s] %s", names[level & 3], line);
	if (len < 0)
		return;
	if (len > LINE_BYTES - 2)
		len = LINE_BYTES - 2;
	text[len] = '\n';
	/* A failure of the log cannot be logged. */
	if (write(STDERR_FILENO, text, (size_t)len + 1) < 0)
		return;
}
