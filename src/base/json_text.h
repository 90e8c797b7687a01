/* Text as a JSON string, for the little JSON that the libraries write without a JSON library. */
#ifndef SCI_BASE_JSON_TEXT_H
#define SCI_BASE_JSON_TEXT_H

#include "base/buffer.h"

/* Append `text` as a JSON string, quotes included. UTF-8 stays as it is; a byte that is not part of
 * valid UTF-8 becomes U+FFFD. Returns 0, or SC_E_NOMEM with the bytes as they were
 * and `failed` set. */
int sci_json_text(struct sci_buffer *out, const char *text, size_t len);

#endif
