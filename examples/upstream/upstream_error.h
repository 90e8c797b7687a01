/* Filling in a struct sc_error, for the modules of the examples. */
#ifndef UPSTREAM_ERROR_H
#define UPSTREAM_ERROR_H

#include <scopecache/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A module's own codes, other than SC_E_*, are this and below. */
#define UPSTREAM_OWN_CODES (-100)

/* Fill in `error`, which may be NULL, and return `code`, so that a failure is one statement. A
 * module's own code becomes error->user_code, with SC_E_FUNCTION as error->code. */
int upstream_fail(struct sc_error *error, int code, const char *format, ...) SC_PRINTF_LIKE(3, 4);

#ifdef __cplusplus
}
#endif

#endif
