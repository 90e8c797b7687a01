/* A key as bytes: what the engine compares, and what the hash is made of. */
#ifndef SCI_CACHE_KEY_BYTES_H
#define SCI_CACHE_KEY_BYTES_H

#include <scopecache/key.h>

/* Most keys fit here; longer ones are allocated. */
#define SCI_KEY_BYTES_INLINE 256

struct sci_key_bytes {
	const unsigned char *data;
	size_t len;
	unsigned char *allocated;
	unsigned char small[SCI_KEY_BYTES_INLINE];
};

/* Write `key` as bytes. Two keys have the same bytes only if they have the same parts.
 *
 * returns  0; SC_E_INVAL for a key without parts or a part that is not one; SC_E_TOO_LARGE for too many
 *          parts or bytes; SC_E_NOMEM. Only after 0 there is something to sci_key_bytes_fini(). */
int sci_key_encode(struct sci_key_bytes *bytes, struct sc_key key);

void sci_key_bytes_fini(struct sci_key_bytes *bytes);

/* A key read back from its bytes: parts whose texts end with a NUL. */
struct sci_key_parts {
	struct sc_part parts[SC_KEY_PARTS_MAX];
	size_t count;
	char *text;
};

/* Read the bytes that sci_key_encode() wrote. Returns 0, or SC_E_NOMEM. */
int sci_key_decode(struct sci_key_parts *parts, const unsigned char *data, size_t len);

void sci_key_parts_fini(struct sci_key_parts *parts);

#endif
