/* The source of feature flags: a file that stands for a service, and the time that a request to it
 * takes. While there is no such file, the service is down. */
#ifndef FLAGS_SOURCE_H
#define FLAGS_SOURCE_H

#include <scopecache/error.h>

#include <stddef.h>

#define FLAGS_BYTES_MAX 4096

/* Ask the source: FLAGS_FILE (flags.json), after FLAGS_DELAY_MS (200).
 *
 * The request is counted, as one that opens a connection, if FLAGS_METER names a file for the
 * counts, see upstream/upstream_meter.h.
 *
 * returns  0 with *len bytes in `flags`; SC_E_IO, or SC_E_TOO_LARGE for a file of more bytes, with
 *          the cause in `error`.
 * blocks   for the delay. */
int flags_read(char flags[FLAGS_BYTES_MAX], size_t *len, struct sc_error *error);

#endif
