/* Is this JSON? Lambda refuses an event that is not. */
#ifndef SCI_LOCAL_JSON_SYNTAX_H
#define SCI_LOCAL_JSON_SYNTAX_H

#include <stddef.h>

/* Arrays and objects inside each other, at most. */
#define SCI_JSON_DEPTH 1000

/* Check that `text` is one JSON value (RFC 8259) in valid UTF-8, with nothing but white space
 * around it. Returns 0; SC_E_INVAL with *offset at the first byte that cannot be; SC_E_TOO_LARGE
 * when it is nested deeper than SCI_JSON_DEPTH. */
int sci_json_syntax(const char *text, size_t len, size_t *offset);

#endif
