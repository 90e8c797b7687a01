/* The detail of a failure. A message that is too long is cut at a character, never inside one, so
 * that it can go into JSON and logs as it stands. */
#include "base/error.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static void append_os_text(struct sc_error *error, int os_errno)
{
	size_t used = strlen(error->message);
	char text[96];

	if (strerror_r(os_errno, text, sizeof text) != 0)
		return;
	snprintf(error->message + used, sizeof error->message - used, ": %s", text);
}

int sci_error_vset(struct sc_error *error, int code, int os_errno, const char *format, va_list args)
{
	if (!error)
		return code;
	memset(error, 0, sizeof *error);
	error->code = code;
	error->os_errno = os_errno;
	vsnprintf(error->message, sizeof error->message, format, args);
	if (os_errno > 0)
		append_os_text(error, os_errno);
	error->message[sci_utf8_cut(error->message, strlen(error->message))] = '\0';
	return code;
}

int sci_error_set(struct sc_error *error, int code, int os_errno, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sci_error_vset(error, code, os_errno, format, args);
	va_end(args);
	return code;
}

int sci_error_plain(struct sc_error *error, int code)
{
	return sci_error_set(error, code, 0, "%s", sc_result_text(code));
}
