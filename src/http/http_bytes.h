/* Which bytes an HTTP head may contain (RFC 9110, section 5). */
#ifndef SCI_HTTP_BYTES_H
#define SCI_HTTP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* May be part of a header's name: letters, digits and !#$%&'*+-.^_`|~ */
static inline bool sci_http_is_token(unsigned char byte)
{
	static const uint32_t tokens[4] = { 0, 0x03FF6CFA, 0xC7FFFFFE, 0x57FFFFFF };

	return byte < 128 && (tokens[byte / 32] >> (byte % 32) & 1);
}

/* May be sent as part of a header's value: anything but control characters, tab excepted. */
static inline bool sci_http_is_text(unsigned char byte)
{
	return (byte >= 0x20 && byte != 0x7F) || byte == '\t';
}

static inline bool sci_http_is_text_all(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!sci_http_is_text((unsigned char)text[i]))
			return false;
	return true;
}

/* May be received in a chunk's extension or in a trailer. Some senders write control characters,
 * which recipients may keep (RFC 9110, section 5.5), except NUL, CR and LF. */
static inline bool sci_http_is_kept(unsigned char byte)
{
	return byte != '\0' && byte != '\r' && byte != '\n';
}

#endif
