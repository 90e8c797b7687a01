/* Base64 (RFC 4648, section 4), for the three places where Lambda puts bytes into a header. */
#ifndef SCI_LOCAL_BASE64_H
#define SCI_LOCAL_BASE64_H

#include <stddef.h>

/* The bytes that `len` bytes encode to, without the NUL. */
#define SCI_BASE64_BYTES(len) (((len) + 2) / 3 * 4)

/* Encode into `out`, which has room for SCI_BASE64_BYTES(len) + 1 bytes; a NUL ends it. */
void sci_base64_encode(const void *data, size_t len, char *out);

/* Decode `len` characters into `out`, which has room for len / 4 * 3 bytes; *out_len is how many
 * were written. Returns 0, or SC_E_INVAL for anything that is not padded base64, and then
 * *out_len is untouched. */
int sci_base64_decode(const char *text, size_t len, void *out, size_t *out_len);

#endif
