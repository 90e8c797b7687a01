/* UTF-8 after RFC 3629: what may follow a lead byte is a range for the second byte, and 80..BF for
 * the others. */
#include "base/utf8.h"

#include <stdint.h>

struct lead {
	uint8_t length, second_low, second_high;
};

static struct lead lead_of(uint8_t byte)
{
	if (byte < 0x80)
		return (struct lead){ 1, 0, 0 };
	if (byte < 0xC2)
		return (struct lead){ 0, 0, 0 }; /* a continuation, or an overlong form */
	if (byte < 0xE0)
		return (struct lead){ 2, 0x80, 0xBF };
	if (byte < 0xF0)
		return (struct lead){ 3, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF };
	if (byte < 0xF5)
		return (struct lead){ 4, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF };
	return (struct lead){ 0, 0, 0 };
}

size_t sci_utf8_length(const char *text, size_t len)
{
	const uint8_t *byte = (const uint8_t *)text;

	if (len == 0)
		return 0;
	struct lead lead = lead_of(byte[0]);
	if (lead.length <= 1)
		return lead.length;
	if (lead.length > len || byte[1] < lead.second_low || byte[1] > lead.second_high)
		return 0;
	for (size_t i = 2; i < lead.length; i++)
		if ((byte[i] & 0xC0) != 0x80)
			return 0;
	return lead.length;
}

size_t sci_utf8_cut(const char *text, size_t len)
{
	size_t start = len;

	/* Back to the last lead byte; a character has at most three bytes after it. */
	while (start > 0 && len - start < 3 && ((uint8_t)text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0 || (uint8_t)text[start - 1] < 0xC2)
		return len;
	return lead_of((uint8_t)text[start - 1]).length > len - start + 1 ? start - 1 : len;
}
