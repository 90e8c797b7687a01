/* Files that are no trace, recognised by their first bytes. */
#ifndef SCI_REPLAY_FOREIGN_KIND_H
#define SCI_REPLAY_FOREIGN_KIND_H

#include "replay/trace.h"

#include <stddef.h>

/* What a file is that begins with these bytes and so cannot be a trace of `format`, and what to do
 * about it: "is a zip archive: unpack it first". NULL when it may be one. */
const char *sci_foreign_kind(const unsigned char *data, size_t len, enum sci_trace_format format);

#endif
