/* Base64 (RFC 4648, section 4), for the three places where Lambda puts bytes into a header. */
#ifndef SCI_LOCAL_BASE64_H
#define SCI_LOCAL_BASE64_H

#include <stddef.h>

/* The bytes that `len` bytes encode to, without the NUL. */
#define SCI_BASE64_BYTES(len) (((len) + 2) / 3 * 4)

/* Encode into `out`, an array of SCI_BASE64_BYTES(len) + 1 bytes; a NUL ends it. */
void sci_base64_encode(const void *data, size_t len, char *out);

/* Decode `len` characters into `out`, an array of len / 4 * 3 bytes; *out_len is set to the bytes
 * written. Returns 0, or SC_E_INVAL with *out_len untouched for anything but padded base64. */
int sci_base64_decode(const char *text, size_t len, void *out, size_t *out_len);

#endif
