/* Recognises files that are no trace by their first bytes. */
#ifndef SCI_REPLAY_FOREIGN_KIND_H
#define SCI_REPLAY_FOREIGN_KIND_H

#include "replay/trace.h"

#include <stddef.h>

/* Why a file that begins with these bytes cannot be a trace of `format`, and what to do: "is a zip
 * archive: unpack it first". NULL when it may be one. */
const char *sci_foreign_kind(const unsigned char *data, size_t len, enum sci_trace_format format);

#endif
