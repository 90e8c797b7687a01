/* RFC 8259, section 7: only the quote, the backslash and the control characters need escaping. */
#include "base/json_text.h"

#include "base/utf8.h"

#include <scopecache/error.h>

#include <stdint.h>
#include <string.h>

static size_t put_escape(char *out, uint8_t byte)
{
	static const char hex[] = "0123456789abcdef";
	/* Pairs of a character and its name; no name is itself a character to escape. */
	static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const char *pair = byte ? strchr(names, byte) : NULL;

	out[0] = '\\';
	if (pair) {
		out[1] = pair[1];
		return 2;
	}
	memcpy(out + 1, "u00", 3);
	out[4] = hex[byte >> 4];
	out[5] = hex[byte & 15];
	return 6;
}

/* Write the character at `text`, escaped if JSON requires it, to `out`, an array of six bytes;
 * *taken is its length in the text. Returns the number of bytes written. */
static size_t put_character(char *out, const char *text, size_t len, size_t *taken)
{
	size_t length = sci_utf8_length(text, len);
	uint8_t byte = (uint8_t)text[0];

	*taken = length ? length : 1;
	if (byte < 0x20 || byte == '"' || byte == '\\')
		return put_escape(out, byte);
	if (length == 0) {
		memcpy(out, "\xEF\xBF\xBD", 3);
		return 3;
	}
	memcpy(out, text, length);
	return length;
}

static int append_characters(struct sci_buffer *out, const char *text, size_t len)
{
	size_t taken;
	char piece[6];

	for (size_t i = 0; i < len; i += taken) {
		size_t piece_len = put_character(piece, text + i, len - i, &taken);
		if (sci_buffer_append(out, piece, piece_len) < 0)
			return SC_E_NOMEM;
	}
	return 0;
}

int sci_json_text(struct sci_buffer *out, const char *text, size_t len)
{
	size_t before = out->len;

	if (sci_buffer_append(out, "\"", 1) < 0 || append_characters(out, text, len) < 0 ||
		sci_buffer_append(out, "\"", 1) < 0) {
		out->len = before;
		return SC_E_NOMEM;
	}
	return 0;
}
