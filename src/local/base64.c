/* Pure functions over bytes: no allocation, no state. The decoder is strict (padding required,
 * no white space, no stray bits in the last character), so that no two accepted texts decode to
 * the same bytes. */
#include "local/base64.h"

#include <scopecache/error.h>

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

void sci_base64_encode(const void *data, size_t len, char *out)
{
	const uint8_t *byte = data;

	for (; len >= 3; len -= 3, byte += 3) {
		*out++ = alphabet[byte[0] >> 2];
		*out++ = alphabet[(byte[0] & 3) << 4 | byte[1] >> 4];
		*out++ = alphabet[(byte[1] & 15) << 2 | byte[2] >> 6];
		*out++ = alphabet[byte[2] & 63];
	}
	if (len > 0) {
		unsigned second = len > 1 ? byte[1] : 0;
		*out++ = alphabet[byte[0] >> 2];
		*out++ = alphabet[(byte[0] & 3u) << 4 | second >> 4];
		*out++ = alphabet[len > 1 ? (second & 15) << 2 : 64];
		*out++ = '=';
	}
	*out = '\0';
}

/* The six bits that a character stands for, or -1. */
static int bits_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode one group of four, of which the last `padding` are `=`. Returns 0, or -1. */
static int decode_group(const char *text, size_t padding, uint8_t *out)
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4 - padding; i++) {
		int bits = bits_of(text[i]);
		if (bits < 0)
			return -1;
		group |= (uint32_t)bits << (18 - 6 * i);
	}
	uint32_t beyond = padding == 2 ? 0xFFFF : padding == 1 ? 0xFF : 0;
	if (group & beyond)
		return -1;
	for (size_t i = 0; i < 3 - padding; i++)
		out[i] = (uint8_t)(group >> (16 - 8 * i));
	return 0;
}

int sci_base64_decode(const char *text, size_t len, void *out, size_t *out_len)
{
	uint8_t *byte = out;

	if (len % 4 != 0)
		return SC_E_INVAL;
	for (size_t at = 0; at < len; at += 4) {
		size_t padding = 0;
		if (at + 4 == len)
			padding = text[len - 1] != '=' ? 0 : text[len - 2] != '=' ? 1 : 2;
		if (decode_group(text + at, padding, byte) < 0)
			return SC_E_INVAL;
		byte += 3 - padding;
	}
	*out_len = (size_t)(byte - (uint8_t *)out);
	return 0;
}
