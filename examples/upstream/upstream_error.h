/* Filling in a struct sc_error, for the modules that the examples share. */
#ifndef UPSTREAM_ERROR_H
#define UPSTREAM_ERROR_H

#include <scopecache/error.h>

/* Fill in `error` (which may be NULL) and return `code`, so that a failure is one statement. A code
 * that is not one of SC_E_* is a module's own: it goes into user_code, and `code` is SC_E_FUNCTION. */
int upstream_fail(struct sc_error *error, int code, const char *format, ...) SC_PRINTF_LIKE(3, 4);

#endif
