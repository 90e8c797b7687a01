/* The bytes of a file or of standard input, a piece at a time, decompressed if gzip, xz or zstd
 * compressed them. */
#ifndef SCI_REPLAY_BYTE_SOURCE_H
#define SCI_REPLAY_BYTE_SOURCE_H

#include <scopecache/error.h>

struct sci_source;

/* Open the file at `path`; "-" is standard input. Its first bytes, not its name, tell whether it is
 * compressed.
 *
 * returns  0; SC_E_INVAL when it cannot be opened, SC_E_NOMEM or SC_E_IO; *source is NULL then. */
int sci_source_open(struct sci_source **source, const char *path, struct sc_error *error);

void sci_source_close(struct sci_source *source);

/* The next bytes, 1 at least, valid until the next call; *len is 0 at the end.
 *
 * returns  0; SC_E_INVAL for compressed data that is damaged or ends too soon; SC_E_IO. */
int sci_source_next(struct sci_source *source, const unsigned char **data, size_t *len,
	struct sc_error *error);

/* Its name in messages: the path, or the end of a long path. */
const char *sci_source_name(const struct sci_source *source);

/* How many bytes of it have been read, and how many there are; both 0 when it is not a file. */
void sci_source_position(const struct sci_source *source, uint64_t *done, uint64_t *total);

#endif
