/* The payload that a command line names. */
#ifndef SCI_INVOKE_PAYLOAD_H
#define SCI_INVOKE_PAYLOAD_H

#include "base/buffer.h"

#include <scopecache/error.h>

#include <stdbool.h>

/* The most that is read. Lambda takes 6 MiB; a larger payload is refused by the endpoint. */
#define SCI_PAYLOAD_MAX ((size_t)16 * 1024 * 1024)

/* Append what `argument` names: "@FILE" the file's bytes, "-" standard input's, else itself.
 * Returns 0, SC_E_IO, SC_E_TOO_LARGE or SC_E_NOMEM, the buffer then in any state.
 * blocks   while standard input does. */
int sci_payload_read(struct sci_buffer *payload, const char *argument, struct sc_error *error);

/* Check that the payload is JSON, which the Invoke API requires. Returns 0, or SC_E_INVAL with a
 * message that names the line and column of the error. */
int sci_payload_check_json(const struct sci_buffer *payload, struct sc_error *error);

#endif
