/* Filling in a struct sc_error; every failure with detail goes through here. */
#ifndef SCI_BASE_ERROR_H
#define SCI_BASE_ERROR_H

#include <scopecache/error.h>

#include <stdarg.h>

/* Fill in `error` (which may be NULL) and return `code`, so that a failure is one statement:
 *	return sci_error_set(error, SC_E_IO, errno, "cannot connect to %s", address);
 * A positive `os_errno` adds its text to the message. */
int sci_error_set(struct sc_error *error, int code, int os_errno, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same with the text of the result as the whole message. */
int sci_error_plain(struct sc_error *error, int code);

/* The same for a caller that has a va_list. */
int sci_error_vset(struct sc_error *error, int code, int os_errno, const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));

#endif
