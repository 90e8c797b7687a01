/* The details of a failure, for all upstream modules. */
#include "upstream/upstream_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int upstream_fail(struct sc_error *error, int code, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	memset(error, 0, sizeof *error);
	error->code = code;
	if (code <= UPSTREAM_OWN_CODES) {
		error->code = SC_E_FUNCTION;
		error->user_code = code;
	}
	va_start(args, format);
	vsnprintf(error->message, sizeof error->message, format, args);
	va_end(args);
	return code;
}
